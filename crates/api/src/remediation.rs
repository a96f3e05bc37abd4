//! Remediations on the wire.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is, was or will be done about a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Remediation {
    /// Its id.
    pub id: String,
    /// `observed`, `waiting`, `pending`, `changed`, `unchanged`, `suppressed`, `manual`, `drifted` or `undone`.
    pub state: String,
    /// The rule that decided it.
    pub rule: String,
    /// What is done: the name of the action in rules.
    pub action: String,
    /// The account.
    pub account: String,
    /// The Region.
    pub region: String,
    /// The resource, by ARN where it has one.
    pub resource: String,
    /// The control, such as `EC2.19`; empty where it is of none.
    pub control: String,
    /// `CRITICAL` to `INFORMATIONAL`; empty where nobody says.
    pub severity: String,
    /// When it was decided.
    #[schema(value_type = String, format = DateTime)]
    pub decided_at: Timestamp,
    /// Until when it waits for an approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub waits_until: Option<Timestamp>,
    /// Why it is as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Who said yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// Who may say yes, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvers: Option<String>,
    /// Whether the caller may say yes or no to it now.
    pub may_decide: bool,
    /// Its plan, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
}

/// Remediations, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Remediations {
    /// They.
    pub items: Vec<Remediation>,
    /// Give this as `cursor` to get the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// `POST /api/v1/remediations/{id}/approve`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveRemediation {
    /// A remark for the audit log.
    #[serde(default)]
    pub comment: String,
}

/// `POST /api/v1/remediations/{id}/decline`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclineRemediation {
    /// Why; it is recorded, and the finding is told.
    pub reason: String,
}
