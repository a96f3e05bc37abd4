//! Requests in the API.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::names::names;
use crate::{Approval, DecisionKind, HeldAlready};

names! {
    /// State of a request.
    RequestState {
        Pending = "pending",
        Approved = "approved",
        Denied = "denied",
        Discarded = "discarded",
        Expired = "expired",
        Rejected = "rejected",
    }
}

names! {
    /// State of the review after break glass.
    ReviewState {
        Open = "open",
        Closed = "closed",
    }
}

/// `POST /api/v1/requests`. The requester is the caller, never a field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Account id or unique name. Goes with `permission_set`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Permission set name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_set: Option<String>,
    /// Group id or name, instead of the two above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Duration in seconds.
    pub duration_seconds: u64,
    /// Reason: 1 to 1,000 characters.
    pub reason: String,
    /// Ticket, if a rule requires one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Start, up to 30 days ahead unless configured otherwise; immediate by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub starts_at: Option<Timestamp>,
    /// Ids of confirmed warnings (`warnings` of a preview, a request or a problem).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirmed_warnings: Vec<String>,
}

/// `POST /api/v1/requests/batch`: several targets with one reason and time. Each becomes a request;
/// if one is refused, none is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestBatch {
    /// 1 to 20 targets; duplicates are merged.
    #[schema(min_items = 1, max_items = 20)]
    pub targets: Vec<RequestTarget>,
    /// Duration in seconds.
    pub duration_seconds: u64,
    /// Reason: 1 to 1,000 characters.
    pub reason: String,
    /// Ticket, if a rule requires one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Start, up to 30 days ahead unless configured otherwise; immediate by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub starts_at: Option<Timestamp>,
    /// Ids of confirmed warnings (`warnings` of a preview, a request or a problem).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirmed_warnings: Vec<String>,
}

/// The target of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestTarget {
    /// Account id or unique name. Goes with `permission_set`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Permission set name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_set: Option<String>,
    /// Group id or name, instead of the two above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// Result of `POST /api/v1/requests/batch`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequestedBatch {
    /// One request per target; pending ones (`already_pending`) first.
    pub items: Vec<Request>,
}

/// `POST /api/v1/requests/{id}/approve`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// Comment for the requester and other approvers: up to 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// A shorter duration than requested, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u64>,
    /// Ids of confirmed warnings (`warnings` of a preview, a request or a problem).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirmed_warnings: Vec<String>,
}

/// `POST /api/v1/requests/{id}/deny`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Deny {
    /// Reason for the requester.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `POST /api/v1/requests/{id}/break-glass`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakGlass {
    /// Why it cannot wait: 20 to 1,000 characters.
    pub justification: String,
}

/// `POST /api/v1/requests/{id}/close-review`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseReview {
    /// Findings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Break-glass status of a request for the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Glass {
    /// Whether the caller may use it now.
    pub allowed: bool,
    /// State of its review, after use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewState>,
    /// Whether the caller may close the review now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_close: bool,
    /// Why it could not wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
    /// Time of use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub opened_at: Option<Timestamp>,
    /// Reviewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_by: Option<String>,
    /// Closing time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closed_at: Option<Timestamp>,
    /// Findings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closing: Option<String>,
}

/// Earlier grants of the target in the 90 days before a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Before {
    /// By the requester.
    pub requester: Times,
    /// By all users; absent for a requester without approver rights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anyone: Option<Times>,
}

/// Number of grants, and the last one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Times {
    /// Count; a lower bound with `more`.
    pub count: u32,
    /// More grants exist than were counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// Time of the last grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_at: Option<Timestamp>,
    /// Its holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_user: Option<String>,
    /// Its approver's e-mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_approver: Option<String>,
    /// Its approver's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_approver_name: Option<String>,
    /// How it was approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_approval: Option<Approval>,
    /// The requester's use of it, as far as logged; only for own grants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_use: Option<String>,
}

/// An approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Review {
    /// Approver.
    pub by: String,
    /// Time.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Whether it does not count: a pending request's approver is disabled, was locked or lost the
    /// right; it did not count at the approval; or the user repeated it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub counts_no_more: bool,
}

/// An approval stage with separate approvals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequestStage {
    /// Rule.
    pub rule: String,
    /// Name.
    pub name: String,
    /// Required approvals.
    pub quorum: u32,
    /// Given approvals.
    pub filled: u32,
    /// E-mails of approvers who can still add one.
    pub approvers: Vec<String>,
}

/// Approval hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApprovalWindow {
    /// Rule.
    pub rule: String,
    /// Hours, with their time zone.
    pub hours: String,
}

/// A warning of a rule that requester and approvers must confirm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Warning {
    /// Id for `confirmed_warnings`. Changes with the text.
    pub id: String,
    /// Text.
    pub text: String,
}

/// Confirmed warnings of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Confirmation {
    /// E-mail.
    pub by: String,
    /// Time.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Confirmed texts.
    pub texts: Vec<String>,
}

/// A request and its outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Request {
    /// `req_…`.
    pub id: String,
    /// State.
    pub state: RequestState,
    /// Requester's e-mail.
    pub requester: String,
    /// Requester's name.
    pub requester_name: String,
    /// Account id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Account name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
    /// Permission set name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_set: Option<String>,
    /// Group id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Group name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
    /// Duration in seconds, as requested or shortened.
    pub duration_seconds: u64,
    /// Requested duration in seconds, if shortened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortened_from_seconds: Option<u64>,
    /// Approver who shortened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortened_by: Option<String>,
    /// Reason, as written.
    pub reason: String,
    /// Ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Page of the ticket, if a rule required it of a configured service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket_url: Option<String>,
    /// Creation time.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Requested start, if later than the creation. After the approval the request stays `pending`
    /// until then, with its decider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub starts_at: Option<Timestamp>,
    /// Expiry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// Decision name of the rules.
    pub decision: DecisionKind,
    /// While pending, current approvers whose approval helps; else the original approvers.
    pub approvers: Vec<String>,
    /// Required approvals.
    pub approvals_needed: u32,
    /// Given approvals, while pending. Excludes those that fill no stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvals_given: Option<u32>,
    /// Approval stages, while pending; absent without stages in rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<RequestStage>,
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
    /// Approvals.
    pub reviews: Vec<Review>,
    /// Warnings confirmed by requester and approvers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirmed: Vec<Confirmation>,
    /// Warnings for approvers now, and for the requester those of break glass; only for a single
    /// pending request, not in lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// Matching rules.
    pub because: Vec<String>,
    /// Decider, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// Time of the decision or expiry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub decided_at: Option<Timestamp>,
    /// How it was approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// Text of the refusal, or comment of the decider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Code of the refusal, when rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Grant to extend, if visible to the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extends: Option<String>,
    /// Visible requests of the same call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked_with: Vec<String>,
    /// Resulting grant, if visible to the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<String>,
    /// Break glass: absent if not allowed and not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<Glass>,
    /// Earlier grants; only for a single request, not in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
    /// This equal request was already pending.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub already_pending: bool,
    /// The caller holds it without Hallpass; only in the answer to a new request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<HeldAlready>,
    /// Increases with each change.
    pub version: u64,
}
