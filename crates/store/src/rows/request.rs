//! How a request is stored: the names and the order of its members, independent of the types of `access`;
//! `tests/golden/bodies` has the bytes.
//!
//! Conversions name every member on both sides: a new member does not compile until its row has it.

use hallpass_access::{
    AfterReview, AgreedStart, Approval, Closing, Confirmation, DecidedKind, DecisionFact,
    DecisionKind, OnCallFact, Origin, Person, PlannedStart, Reminders, Request, RequestState,
    Review, RulingAtAsking, Shortened, TicketFact, Wanted,
};
use hallpass_base::{Email, GrantId, HoldKey, RequestId, TargetNames, TimeSpan, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::row_conversion::both_ways;

#[derive(Serialize, Deserialize)]
pub(super) struct RequestRow {
    id: RequestId,
    requester: PersonRow,
    wanted: WantedRow,
    key: Option<HoldKey>,
    names: TargetNames,
    duration: TimeSpan,
    #[serde(skip_serializing_if = "Option::is_none")]
    shortened: Option<ShortenedRow>,
    reason: String,
    ticket: Option<String>,
    origin: Origin,
    secondary_domain: bool,
    asked_at: Timestamp,
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<PlannedStartRow>,
    extends: Option<GrantId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    asked_with: Vec<RequestId>,
    decided: DecidedRow,
    reviews: Vec<ReviewRow>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    confirmed: Vec<ConfirmationRow>,
    reminders: RemindersRow,
    grant: Option<GrantId>,
    after_review: Option<AfterReviewRow>,
    version: u64,
}

both_ways!(Request => RequestRow, apart RequestStateRow without outstanding {
    id, requester (into), wanted (into), key, names, duration, shortened (optional), reason,
    ticket, origin, secondary_domain, asked_at, expires_at, start (optional), extends, asked_with,
    decided (into), reviews (all), confirmed (all), reminders (into), grant, after_review (optional), version,
});

#[derive(Serialize, Deserialize)]
pub(super) struct PersonRow {
    user: UserId,
    email: Email,
    name: String,
}

both_ways!(Person => PersonRow { user, email, name });

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WantedRow {
    Account {
        account: String,
        permission_set: String,
    },
    Group {
        group: String,
    },
}

both_ways!(enum Wanted => WantedRow {
    Account { account, permission_set },
    Group { group },
});

#[derive(Serialize, Deserialize)]
struct DecidedRow {
    kind: DecidedKindRow,
    approvers: Vec<Email>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    approver_users: Vec<UserId>,
    notify: Vec<Email>,
    based_on: Vec<String>,
    config_hash: String,
    approvals_needed: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    on_call: Vec<OnCallFact>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tickets: Vec<TicketFact>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    exceptions: Vec<DecisionFact>,
}

both_ways!(RulingAtAsking => DecidedRow {
    kind (into), approvers, approver_users, notify, based_on, config_hash, approvals_needed,
    on_call, tickets, exceptions,
});

#[derive(Serialize, Deserialize)]
enum DecidedKindRow {
    Invalid,
    Adopted,
    ApprovalNotRequired,
    SelfApproval,
    RequiresApproval,
    NoApprovers,
    NoStatements,
    RequesterNotAllowed,
}

impl From<DecidedKind> for DecidedKindRow {
    fn from(kind: DecidedKind) -> Self {
        match kind {
            DecidedKind::Invalid => Self::Invalid,
            DecidedKind::Adopted => Self::Adopted,
            DecidedKind::Rules(kind) => match kind {
                DecisionKind::ApprovalNotRequired => Self::ApprovalNotRequired,
                DecisionKind::SelfApproval => Self::SelfApproval,
                DecisionKind::RequiresApproval => Self::RequiresApproval,
                DecisionKind::NoApprovers => Self::NoApprovers,
                DecisionKind::NoStatements => Self::NoStatements,
                DecisionKind::RequesterNotAllowed => Self::RequesterNotAllowed,
            },
        }
    }
}

impl From<DecidedKindRow> for DecidedKind {
    fn from(kind: DecidedKindRow) -> Self {
        Self::Rules(match kind {
            DecidedKindRow::Invalid => return Self::Invalid,
            DecidedKindRow::Adopted => return Self::Adopted,
            DecidedKindRow::ApprovalNotRequired => DecisionKind::ApprovalNotRequired,
            DecidedKindRow::SelfApproval => DecisionKind::SelfApproval,
            DecidedKindRow::RequiresApproval => DecisionKind::RequiresApproval,
            DecidedKindRow::NoApprovers => DecisionKind::NoApprovers,
            DecidedKindRow::NoStatements => DecisionKind::NoStatements,
            DecidedKindRow::RequesterNotAllowed => DecisionKind::RequesterNotAllowed,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct ReviewRow {
    by: Email,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserId>,
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    counts: bool,
}

both_ways!(Review => ReviewRow { by, user, at, comment, counts });

#[derive(Serialize, Deserialize)]
struct ConfirmationRow {
    by: Email,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserId>,
    at: Timestamp,
    texts: Vec<String>,
}

both_ways!(Confirmation => ConfirmationRow { by, user, at, texts });

#[derive(Serialize, Deserialize)]
struct RemindersRow {
    sent: u32,
    next_at: Option<Timestamp>,
}

both_ways!(Reminders => RemindersRow { sent, next_at });

#[derive(Serialize, Deserialize)]
struct ShortenedRow {
    from: TimeSpan,
    by: Email,
}

both_ways!(Shortened => ShortenedRow { from, by });

#[derive(Serialize, Deserialize)]
struct PlannedStartRow {
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    agreed: Option<AgreedStartRow>,
}

both_ways!(PlannedStart => PlannedStartRow { at, agreed (optional) });

#[derive(Serialize, Deserialize)]
struct AgreedStartRow {
    by: Email,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserId>,
    at: Timestamp,
    approval: Approval,
}

both_ways!(AgreedStart => AgreedStartRow { by, user, at, approval });

#[derive(Serialize, Deserialize)]
struct AfterReviewRow {
    justification: String,
    opened_at: Timestamp,
    closed: Option<ClosingRow>,
}

both_ways!(AfterReview => AfterReviewRow { justification, opened_at, closed (optional) });

#[derive(Serialize, Deserialize)]
struct ClosingRow {
    by: Email,
    at: Timestamp,
    words: Option<String>,
}

both_ways!(Closing => ClosingRow { by, at, words });

#[derive(Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(super) enum RequestStateRow {
    Pending,
    Approved {
        by: Email,
        at: Timestamp,
        approval: Approval,
        #[serde(skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
    },
    Denied {
        by: Email,
        at: Timestamp,
        reason: Option<String>,
    },
    Discarded {
        by: Email,
        at: Timestamp,
    },
    Expired {
        at: Timestamp,
    },
    Rejected {
        at: Timestamp,
        code: String,
        detail: String,
    },
}

both_ways!(enum RequestState => RequestStateRow {
    Pending {},
    Approved { by, at, approval, comment },
    Denied { by, at, reason },
    Discarded { by, at },
    Expired { at },
    Rejected { at, code, detail },
});
