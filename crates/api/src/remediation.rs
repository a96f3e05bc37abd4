//! Remediations in the API.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::names::names;

names! {
    /// State of a remediation.
    RemediationState {
        Observed = "observed",
        Waiting = "waiting",
        Pending = "pending",
        Changed = "changed",
        Unchanged = "unchanged",
        Suppressed = "suppressed",
        Manual = "manual",
        Drifted = "drifted",
        Undone = "undone",
    }
}

/// A remediation of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Remediation {
    /// Id.
    pub id: String,
    /// State.
    pub state: RemediationState,
    /// Deciding rule.
    pub rule: String,
    /// Action name in rules.
    pub action: String,
    /// Account.
    pub account: String,
    /// Region.
    pub region: String,
    /// Resource, by ARN if it has one.
    pub resource: String,
    /// Control, such as `EC2.19`; empty if none.
    pub control: String,
    /// `CRITICAL` to `INFORMATIONAL`; empty if unknown.
    pub severity: String,
    /// Decision time.
    #[schema(value_type = String, format = DateTime)]
    pub decided_at: Timestamp,
    /// Approval deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub waits_until: Option<Timestamp>,
    /// Reason of the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Approver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// Possible approvers, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvers: Option<String>,
    /// Whether the caller may decide it now.
    pub may_decide: bool,
    /// Plan, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
}

/// Remediations, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Remediations {
    /// Remediations.
    pub items: Vec<Remediation>,
    /// Pass as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// `POST /api/v1/remediations/{id}/approve`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveRemediation {
    /// Comment for the audit log.
    #[serde(default)]
    pub comment: String,
}

/// `POST /api/v1/remediations/{id}/decline`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclineRemediation {
    /// Reason; it is recorded, and the finding is reported.
    pub reason: String,
}
