//! A request and its outcome.
//!
//! ```text
//!              ┌──► approved ──► a grant, or a longer one
//!   pending ───┼──► denied
//!              ├──► discarded
//!              └──► expired            rejected: never became pending
//! ```

mod after_review;
mod confirmation;
mod outlook;
mod start;

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use hallpass_audit::{Approval, DecisionFact, Origin};
use hallpass_base::{Email, GrantId, HoldKey, RequestId, TargetNames, TimeSpan, Timestamp, UserId};
use hallpass_rules::{DecisionKind, OnCallFact, Outstanding, TicketFact};
use serde::{Deserialize, Serialize};

pub use after_review::{AfterReview, Closing};
pub use confirmation::Confirmation;
pub(crate) use start::PUNCTUAL;
pub use start::{AgreedStart, PlannedStart};

use crate::{Actor, Person, RequestStateKind};

/// The target: ids or names, as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    Account {
        /// The id, or a unique name.
        account: String,
        permission_set: String,
    },
    Group {
        /// The id, or a unique name.
        group: String,
    },
}

/// The ruling when requested. Informative: authority is computed again, and a grant stores its own
/// rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulingAtAsking {
    pub kind: DecidedKind,
    pub approvers: Vec<Email>,
    /// User ids of known approvers, who may see the request. Older requests lack them: approvers
    /// under today's rules see those.
    pub approver_users: Vec<UserId>,
    /// Approvers who are notified and reminded; the others may approve too.
    pub notify: Vec<Email>,
    pub based_on: Vec<String>,
    pub config_hash: String,
    /// Required number of different approvers.
    pub approvals_needed: u32,
    /// What on-call lists said about the requester.
    pub on_call: Vec<OnCallFact>,
    /// What the services of the rules said about the ticket.
    pub tickets: Vec<TicketFact>,
    /// Used exceptions from separation of duties.
    pub exceptions: Vec<DecisionFact>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecidedKind {
    /// The target does not exist or is not allowed; no rule was evaluated.
    Invalid,
    /// Standing access received an end; no rule was evaluated.
    Adopted,
    Rules(DecisionKind),
}

impl DecidedKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invalid => "Invalid",
            Self::Adopted => "Adopted",
            Self::Rules(kind) => kind.as_str(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// The address at the approval.
    pub by: Email,
    /// Reviews without a user id do not count: the address may belong to another user now.
    pub user: Option<UserId>,
    pub at: Timestamp,
    pub comment: Option<String>,
    /// Whether it counted at the grant. In a pending request: whether it counts now, as set by
    /// [`Access::as_counted`](crate::Access::as_counted), else true.
    pub counts: bool,
}

impl Review {
    /// Compares old reviews without user ids by address.
    fn is_of_same(&self, other: &Self) -> bool {
        match (&self.user, &other.user) {
            (Some(one), Some(other)) => one == other,
            (Some(_) | None, Some(_) | None) => self.by == other.by,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reminders {
    pub sent: u32,
    /// `None` when no more follow.
    pub next_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestState {
    Pending,
    Approved {
        /// The requester if no approval is needed.
        by: Email,
        at: Timestamp,
        approval: Approval,
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
    /// Refused when it was made.
    Rejected {
        at: Timestamp,
        code: String,
        detail: String,
    },
}

impl RequestState {
    pub const fn kind(&self) -> RequestStateKind {
        match self {
            Self::Pending => RequestStateKind::Pending,
            Self::Approved { .. } => RequestStateKind::Approved,
            Self::Denied { .. } => RequestStateKind::Denied,
            Self::Discarded { .. } => RequestStateKind::Discarded,
            Self::Expired { .. } => RequestStateKind::Expired,
            Self::Rejected { .. } => RequestStateKind::Rejected,
        }
    }

    pub const fn name(&self) -> &'static str {
        self.kind().name()
    }
}

/// The request was shortened by approvers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortened {
    pub from: TimeSpan,
    pub by: Email,
}

/// A version of the facts that reviewers see: grows with every change except reminders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReviewedVersion(u64);

impl FromStr for ReviewedVersion {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for ReviewedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub id: RequestId,
    pub requester: Person,
    /// The target as typed.
    pub wanted: Wanted,
    /// `None` if rejected because it does not exist. INVARIANT: its user is the requester; requests
    /// for others are impossible.
    pub key: Option<HoldKey>,
    pub names: TargetNames,
    /// As requested, or as shortened.
    pub duration: TimeSpan,
    pub shortened: Option<Shortened>,
    /// Byte for byte.
    pub reason: String,
    pub ticket: Option<String>,
    pub origin: Origin,
    /// Whether the requester was matched through a fallback e-mail domain.
    pub secondary_domain: bool,
    pub asked_at: Timestamp,
    /// `None` never expires.
    pub expires_at: Option<Timestamp>,
    /// `None` starts immediately.
    pub start: Option<PlannedStart>,
    /// The grant to extend.
    pub extends: Option<GrantId>,
    /// The other requests of the same call (`access.md` §5.2). Each is decided separately.
    pub asked_with: Vec<RequestId>,
    pub decided: RulingAtAsking,
    pub reviews: Vec<Review>,
    pub confirmed: Vec<Confirmation>,
    pub reminders: Reminders,
    pub grant: Option<GrantId>,
    /// The review after break glass.
    pub after_review: Option<AfterReview>,
    pub state: RequestState,
    /// Missing approvals by current rules, if pending and set by
    /// [`Access::as_counted`](crate::Access::as_counted). Never stored.
    pub outstanding: Option<Box<Outstanding>>,
    /// Grows with every change; guards concurrent writers.
    pub version: u64,
}

impl Request {
    /// The requested duration, before approvers shortened it.
    pub fn asked_for(&self) -> TimeSpan {
        let shortened = self.shortened.as_ref();
        shortened.map_or(self.duration, |shortened| shortened.from)
    }

    pub fn newest_comment(&self) -> Option<(&Email, &str)> {
        let (by, comment) = match &self.state {
            RequestState::Approved { by, comment, .. } => (by, comment),
            RequestState::Pending
            | RequestState::Denied { .. }
            | RequestState::Discarded { .. }
            | RequestState::Expired { .. }
            | RequestState::Rejected { .. } => {
                let last = self.reviews.last()?;
                (&last.by, &last.comment)
            }
        };
        Some((by, comment.as_deref()?))
    }

    /// The earlier of expiry and reminder, while pending.
    pub fn due(&self) -> Option<Timestamp> {
        match self.state {
            RequestState::Pending => {
                let starts_at = self.start.as_ref().map(|start| start.at);
                let starts_at = starts_at.filter(|_| self.agreed_start().is_some());
                let all = [self.expires_at, self.reminders.next_at, starts_at];
                all.into_iter().flatten().min()
            }
            RequestState::Approved { .. }
            | RequestState::Denied { .. }
            | RequestState::Discarded { .. }
            | RequestState::Expired { .. }
            | RequestState::Rejected { .. } => None,
        }
    }

    /// Whether it can still be decided, as in [`Request::pending`].
    pub fn is_waiting(&self, now: Timestamp) -> bool {
        matches!(self.state, RequestState::Pending)
            && self.key.is_some()
            && self.expires_at.is_none_or(|at| now < at)
    }

    pub fn is_reviewed_by(&self, actor: &Actor) -> bool {
        self.reviews
            .iter()
            .any(|review| review.user.as_ref().is_some_and(|user| actor.is_user(user)))
    }

    /// Returns the newest counting approval of each user, who may have repeated it.
    pub fn reviewers(&self) -> Vec<&Review> {
        let newest = self.reviews.iter().enumerate().filter(|(at, review)| {
            let mut later = self.reviews.iter().skip(at + 1);
            review.counts && !later.any(|it| it.counts && it.is_of_same(review))
        });
        newest.map(|(_, review)| review).collect()
    }

    pub fn has_open_review(&self) -> bool {
        let review = self.after_review.as_ref();
        matches!(self.state, RequestState::Approved { .. })
            && review.is_some_and(|review| review.closed.is_none())
    }

    pub fn seen(&self) -> ReviewedVersion {
        ReviewedVersion(self.version.saturating_sub(u64::from(self.reminders.sent)))
    }

    /// Two pending requests never share this key.
    pub fn dedupe_key(&self) -> String {
        let starts_at = self.start.as_ref().map(|start| start.at);
        match &self.key {
            Some(key) => Self::dedupe_key_of(key, self.extends, starts_at),
            None => self.id.to_string(),
        }
    }

    pub fn dedupe_key_of(
        key: &HoldKey,
        extends: Option<GrantId>,
        starts_at: Option<Timestamp>,
    ) -> String {
        match (extends, starts_at) {
            (Some(grant), _) => format!("{key}+{grant}"),
            (None, Some(at)) => format!("{key}@{at}"),
            (None, None) => key.to_string(),
        }
    }

    /// Returns the request if it can still be decided.
    ///
    /// # Errors
    /// Who decided it, how and when.
    pub fn pending(self, now: Timestamp) -> Result<PendingRequest, Closed> {
        let closed = |how: &'static str, by: Option<&Email>, at: Timestamp| Closed {
            how,
            by: by.cloned(),
            at,
        };
        match (&self.state, &self.key) {
            (RequestState::Pending, Some(key)) => match self.expires_at {
                Some(at) if now >= at => Err(closed("expired", None, at)),
                _ => Ok(PendingRequest {
                    key: key.clone(),
                    request: self,
                }),
            },
            // INVARIANT: a nonexistent target never waits for approval.
            (RequestState::Pending, None) => Err(closed("rejected", None, self.asked_at)),
            (RequestState::Approved { by, at, .. }, _) => Err(closed("approved", Some(by), *at)),
            (RequestState::Denied { by, at, .. }, _) => Err(closed("denied", Some(by), *at)),
            (RequestState::Discarded { by, at }, _) => Err(closed("discarded", Some(by), *at)),
            (RequestState::Expired { at }, _) => Err(closed("expired", None, *at)),
            (RequestState::Rejected { at, .. }, _) => Err(closed("rejected", None, *at)),
        }
    }
}

/// A request that is decided or expired.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("already {how}{} at {at}", by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default())]
pub struct Closed {
    pub how: &'static str,
    pub by: Option<Email>,
    pub at: Timestamp,
}

/// A pending request that has not expired at the checked instant.
#[derive(Clone, Debug)]
pub struct PendingRequest {
    key: HoldKey,
    request: Request,
}

impl PendingRequest {
    pub fn request(&self) -> &Request {
        &self.request
    }

    pub fn key(&self) -> &HoldKey {
        &self.key
    }

    pub(crate) fn into_state(self, state: RequestState) -> Request {
        let reminders = Reminders {
            next_at: None,
            ..self.request.reminders
        };
        Request {
            reminders,
            state,
            ..self.request
        }
    }

    pub(crate) fn shorten(&mut self, duration: TimeSpan) {
        self.request.duration = duration;
    }

    pub(crate) fn shorten_by(&mut self, by: &Email, duration: TimeSpan) {
        self.request.shortened = Some(Shortened {
            from: self.request.asked_for(),
            by: by.clone(),
        });
        self.shorten(duration);
        if let Some(start) = &self.request.start {
            self.request.expires_at = Some(duration.after(start.at));
        }
    }

    pub(crate) fn open_review(&mut self, review: AfterReview) {
        self.request.after_review = Some(review);
    }

    pub(crate) fn start_at_once(&mut self) {
        self.request.start = None;
    }

    pub(crate) fn reviewed(mut self, review: Review) -> Request {
        self.request.reviews.push(review);
        self.request
    }

    pub(crate) fn reminded(mut self, reminders: Reminders) -> Request {
        self.request.reminders = reminders;
        self.request
    }
}
