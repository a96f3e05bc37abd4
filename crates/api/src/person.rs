//! People, their options, and server health in the API.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ApprovalWindow, DecisionKind, Grant, HeldAlready, Warning};

/// `GET /api/v1/me`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// E-mail.
    pub email: String,
    /// Name.
    pub name: String,
    /// Identity store id; absent if not in the directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// `admin`, `auditor`, `operator`.
    pub roles: Vec<String>,
    /// Token scopes: `read`, `request`, `review`, `admin`.
    pub scopes: Vec<String>,
    /// Token expiry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// Access portal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portal: Option<Portal>,
}

/// The access portal of IAM Identity Center, for AWS sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Portal {
    /// Address, `sso_start_url` in the AWS CLI's configuration file.
    pub start_url: String,
    /// Region of IAM Identity Center, `sso_region` there.
    pub region: String,
}

/// An id with its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Named {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
}

/// A target that the caller may request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Offer {
    /// Account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Named>,
    /// Permission set name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_set: Option<String>,
    /// Owner's description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    /// Group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Named>,
    /// Result of a request: `ApprovalNotRequired`, `SelfApproval` or `RequiresApproval`.
    pub decision: DecisionKind,
    /// Approvers.
    pub approvers: Vec<String>,
    /// Required approvals.
    pub approvals_needed: u32,
    /// Longest duration, in seconds.
    pub max_duration_seconds: u64,
    /// Matching rules.
    pub because: Vec<String>,
    /// The caller holds it without Hallpass, by the newest sweep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<HeldAlready>,
}

/// `GET /api/v1/preview`: the result of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Preview {
    /// `ApprovalNotRequired`, `SelfApproval`, `RequiresApproval`, or the refusal: `NoApprovers`,
    /// `NoStatements` or `RequesterNotAllowed`.
    pub decision: DecisionKind,
    /// Approvers.
    pub approvers: Vec<String>,
    /// Required approvals.
    pub approvals_needed: u32,
    /// Longest duration, in seconds.
    pub max_duration_seconds: u64,
    /// Matching rules.
    pub because: Vec<String>,
    /// Warnings that the requester must confirm.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// Approval hours, if limited: all apply.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approval_hours: Vec<ApprovalWindow>,
    /// Outside approval hours now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub approvals_closed: bool,
    /// Next opening, if closed; absent if the hours never overlap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub approvals_open_at: Option<Timestamp>,
    /// The caller holds it without Hallpass: a request ends nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<HeldAlready>,
    /// The caller's newest live grant of it: extend it instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Grant>,
}

/// `GET /api/v1/catalog`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Offers {
    /// One per target.
    pub items: Vec<Offer>,
    /// Offered durations, in seconds.
    pub durations_seconds: Vec<u64>,
    /// Matches on all pages that some rule offers. Pages omit targets without approvers.
    #[serde(default)]
    pub total: usize,
    /// Cursor of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A rule decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decision {
    /// Name of the decision.
    pub decision: DecisionKind,
    /// Approvers.
    pub approvers: Vec<String>,
    /// Matching rules.
    pub because: Vec<String>,
    /// Every rule with its result, in the order of the steps.
    pub explanation: serde_json::Value,
}

/// An API token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// `tok_…`.
    pub id: String,
    /// User.
    pub user: String,
    /// Scopes.
    pub scopes: Vec<String>,
    /// Creation time.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Expiry.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// Revocation time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
}

/// A demo user with a token. Only on loopback with simulated AWS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Persona {
    /// E-mail.
    pub email: String,
    /// Name.
    pub name: String,
    /// Role in the demo.
    pub role: String,
}

/// A part of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Part {
    /// Name.
    pub name: String,
    /// Whether it works.
    pub ok: bool,
    /// Status for people.
    pub detail: String,
}

/// Whether the server is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum HealthStatus {
    #[serde(rename = "ready")]
    Ready,
    #[serde(rename = "not ready")]
    NotReady,
}

/// `GET /readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Status.
    pub status: HealthStatus,
    /// Parts, failing ones first.
    pub parts: Vec<Part>,
}
