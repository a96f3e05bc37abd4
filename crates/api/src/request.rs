//! Requests on the wire.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::HeldAlready;

/// `POST /api/v1/requests`. The requester is the caller, never a field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// The account's id, or its name when only one has it. Goes with `permission_set`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The permission set's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_set: Option<String>,
    /// The group's id or name, instead of the two above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// For how long, in seconds.
    pub duration_seconds: u64,
    /// Why: 1 to 1,000 characters.
    pub reason: String,
    /// A ticket's name, where a rule wants one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// From when, up to 30 days ahead unless configured otherwise; at once when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub starts_at: Option<Timestamp>,
    /// The ids of warnings that were read and are confirmed (`warnings` of a preview, a request or a problem).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirmed_warnings: Vec<String>,
}

/// `POST /api/v1/requests/batch`: several targets for the same reason and time. Each becomes a request
/// of its own; when one of them is refused, none is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskBatch {
    /// 1 to 20 targets; one that is named twice is asked for once.
    #[schema(min_items = 1, max_items = 20)]
    pub targets: Vec<AskTarget>,
    /// For how long, in seconds.
    pub duration_seconds: u64,
    /// Why: 1 to 1,000 characters.
    pub reason: String,
    /// A ticket's name, where a rule wants one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// From when, up to 30 days ahead unless configured otherwise; at once when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub starts_at: Option<Timestamp>,
    /// The ids of warnings that were read and are confirmed (`warnings` of a preview, a request or a problem).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirmed_warnings: Vec<String>,
}

/// What one request is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskTarget {
    /// The account's id, or its name when only one has it. Goes with `permission_set`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The permission set's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_set: Option<String>,
    /// The group's id or name, instead of the two above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// What came of `POST /api/v1/requests/batch`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AskedBatch {
    /// A request for each target; those that waited already (`already_pending`) come first.
    pub items: Vec<Request>,
}

/// `POST /api/v1/requests/{id}/approve`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// Words for whoever asked and for the other approvers: up to 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// For this long at most, in seconds, where that is less than was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u64>,
    /// The ids of warnings that were read and are confirmed (`warnings` of a preview, a request or a problem).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirmed_warnings: Vec<String>,
}

/// `POST /api/v1/requests/{id}/deny`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Deny {
    /// Words for the requester.
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
    /// What was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Break-glass, as the caller sees it on a request: whether they may, or what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Glass {
    /// Whether the caller may break it now.
    pub allowed: bool,
    /// `open` or `closed`, once it was broken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<String>,
    /// Whether the caller may close the review now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_close: bool,
    /// Why it could not wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
    /// When it was broken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub opened_at: Option<Timestamp>,
    /// Who closed the review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_by: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closed_at: Option<Timestamp>,
    /// What they found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closing: Option<String>,
}

/// How often what a request is for was had in the 90 days before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Before {
    /// By the requester.
    pub requester: Times,
    /// By anybody; absent for a requester who decides nothing here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anyone: Option<Times>,
}

/// How often, and the last time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Times {
    /// How often; at least so often when `more` is set.
    pub count: u32,
    /// There were more grants than are read for this.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// When it was had the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_at: Option<Timestamp>,
    /// Who had it then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_user: Option<String>,
    /// Who approved it then: e-mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_approver: Option<String>,
    /// Their name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_approver_name: Option<String>,
    /// In which capacity: `not_required`, `self`, `peer`, `break_glass` or `adopted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_approval: Option<String>,
    /// What the requester did with it then, as far as a log goes, in words; only of the requester's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_use: Option<String>,
}

/// One person's yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Review {
    /// Whose.
    pub by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Whether it does not count: while the request waits, that of somebody who is disabled, was locked or is no approver
    /// any more; once it was approved, what did not count then; and of one person all but the newest.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub counts_no_more: bool,
}

/// A stage of an approval: it needs approvals of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequestStage {
    /// The rule it comes from.
    pub rule: String,
    /// Its name.
    pub name: String,
    /// How many approvals it takes.
    pub quorum: u32,
    /// How many it has.
    pub filled: u32,
    /// Whose approval gives it one more: e-mails.
    pub approvers: Vec<String>,
}

/// Hours in which approvals may be given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApprovalWindow {
    /// The rule that says so.
    pub rule: String,
    /// The hours, with their time zone.
    pub hours: String,
}

/// What a rule has whoever asks and whoever approves read and confirm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Warning {
    /// Goes into `confirmed_warnings`. Another text has another id.
    pub id: String,
    /// What it says.
    pub text: String,
}

/// That somebody confirmed warnings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Confirmation {
    /// Who: e-mail.
    pub by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What they confirmed.
    pub texts: Vec<String>,
}

/// What somebody asked for, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Request {
    /// `req_…`.
    pub id: String,
    /// `pending`, `approved`, `denied`, `discarded`, `expired` or `rejected`.
    pub state: String,
    /// Who asks: e-mail.
    pub requester: String,
    /// Their name.
    pub requester_name: String,
    /// The account's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The account's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
    /// The permission set's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_set: Option<String>,
    /// The group's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The group's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
    /// For how long, in seconds: as it was asked, or as short as approvers made it.
    pub duration_seconds: u64,
    /// How long was asked for, in seconds, where approvers made it shorter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortened_from_seconds: Option<u64>,
    /// Who made it as short as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortened_by: Option<String>,
    /// Why, as it was written.
    pub reason: String,
    /// A ticket's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// From when it is asked for, where that was later than when it was made. Once it was agreed to it stays
    /// `pending` until then, with who decided it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub starts_at: Option<Timestamp>,
    /// When it lapses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// What the rules said: the decision's name.
    pub decision: String,
    /// While it waits, who can approve it now: those whose yes brings it nearer. Else who could when it was made.
    pub approvers: Vec<String>,
    /// How many approvals it needs.
    pub approvals_needed: u32,
    /// How many of those it has, while it waits. One that fills no stage is not among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvals_given: Option<u32>,
    /// The stages of its approval, while it waits; absent where its rules name none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<RequestStage>,
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
    /// Who has approved.
    pub reviews: Vec<Review>,
    /// Which warnings were confirmed, by whoever asked and by those who approved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirmed: Vec<Confirmation>,
    /// What whoever approves it now has to read and confirm, and for its requester also what breaking the glass would tell
    /// them; with one request that waits only, not in lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// The rules it rests on.
    pub because: Vec<String>,
    /// Who decided it, when somebody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// When it was decided or lapsed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub decided_at: Option<Timestamp>,
    /// `not_required`, `self`, `peer`, `break_glass` or `adopted`, when approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    /// The refusal's words, or those of who denied or approved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The refusal's code, when rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The grant it would lengthen, if the caller may see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extends: Option<String>,
    /// The requests that were made together with this one, as far as the caller may see them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked_with: Vec<String>,
    /// The grant it led to, if the caller may see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<String>,
    /// Break-glass: absent when the caller may not and nobody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<Glass>,
    /// How often this was had before; with one request only, not in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
    /// An equal request waited already, and this is it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub already_pending: bool,
    /// That the caller holds it already, not through Hallpass: with the answer to asking only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<HeldAlready>,
    /// Requests change; this grows with each change.
    pub version: u64,
}
