//! People, what they may ask for, and how the server is, on the wire.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ApprovalWindow, Grant, HeldAlready, Warning};

/// `GET /api/v1/me`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// E-mail.
    pub email: String,
    /// Name.
    pub name: String,
    /// Identity store id; absent when the directory does not know the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// `admin`, `auditor`, `operator`.
    pub roles: Vec<String>,
    /// What the token allows: `read`, `request`, `review`, `admin`.
    pub scopes: Vec<String>,
    /// When the token ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// Where what one holds is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portal: Option<Portal>,
}

/// The access portal of IAM Identity Center, where people sign in to AWS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Portal {
    /// Its address, `sso_start_url` in the AWS CLI's configuration file.
    pub start_url: String,
    /// The Region of IAM Identity Center, `sso_region` there.
    pub region: String,
}

/// An id with its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Named {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
}

/// One thing the caller may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Offer {
    /// The account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Named>,
    /// The permission set's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_set: Option<String>,
    /// What it lets one do, in its owner's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    /// The group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Named>,
    /// What would happen: `ApprovalNotRequired`, `SelfApproval` or `RequiresApproval`.
    pub decision: String,
    /// Who would be asked.
    pub approvers: Vec<String>,
    /// How many of them must say yes.
    pub approvals_needed: u32,
    /// The longest duration, in seconds.
    pub max_duration_seconds: u64,
    /// The rules this rests on.
    pub because: Vec<String>,
    /// That the caller holds it already, not through Hallpass, as the newest sweep found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<HeldAlready>,
}

/// `GET /api/v1/preview`: what would come of asking for one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Preview {
    /// `ApprovalNotRequired`, `SelfApproval`, `RequiresApproval`, or why it would be refused:
    /// `NoApprovers`, `NoStatements` or `RequesterNotAllowed`.
    pub decision: String,
    /// Who would be asked.
    pub approvers: Vec<String>,
    /// How many of them must say yes.
    pub approvals_needed: u32,
    /// The longest duration, in seconds.
    pub max_duration_seconds: u64,
    /// The rules this rests on.
    pub because: Vec<String>,
    /// What whoever asks has to read and confirm.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// When approvals may be given, where rules limit that: within all of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approval_hours: Vec<ApprovalWindow>,
    /// Whether approvals may not be given now, for these hours.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub approvals_closed: bool,
    /// From when they may be given, where they may not now; absent as well where the hours never meet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub approvals_open_at: Option<Timestamp>,
    /// That the caller holds it already, not through Hallpass: asking for it ends nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<HeldAlready>,
    /// The caller's newest grant of it that is not over: to be extended rather than asked for again.
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
    /// How many fit on all pages: what some rule lets the caller ask for. Where nobody could
    /// approve, a page leaves it out.
    #[serde(default)]
    pub total: usize,
    /// The cursor of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What the rules say to one case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decision {
    /// The decision's name.
    pub decision: String,
    /// Who may approve.
    pub approvers: Vec<String>,
    /// The rules it rests on.
    pub because: Vec<String>,
    /// Every rule considered and why, in the order of the steps.
    pub explanation: serde_json::Value,
}

/// An API token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// `tok_…`.
    pub id: String,
    /// Whose.
    pub user: String,
    /// What it allows.
    pub scopes: Vec<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
}

/// A person of the demo, with the token to act as them. Loopback only, simulated AWS only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Persona {
    /// E-mail.
    pub email: String,
    /// Name.
    pub name: String,
    /// What they are there for.
    pub role: String,
}

/// One part of the server, as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Whether it works.
    pub ok: bool,
    /// How it is, for people.
    pub detail: String,
}

/// `GET /readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ready` or `not ready`.
    pub status: String,
    /// Its parts, bad ones first.
    pub parts: Vec<Part>,
}
