//! A request: what somebody asked for, and what became of it.
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

use hallpass_audit::{Approval, Origin};
use hallpass_base::{Email, GrantId, HoldKey, RequestId, TargetNames, TimeSpan, Timestamp, UserId};
use hallpass_rules::{DecisionKind, Outstanding};
use serde::{Deserialize, Serialize};

pub use after_review::{AfterReview, Closing};
pub use confirmation::Confirmation;
pub(crate) use start::PUNCTUAL;
pub use start::{AgreedStart, PlannedStart};

use crate::{Actor, Person, RequestStateKind};

/// What somebody named: ids or names, as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A permission set in an account.
    Account {
        /// The account's id, or its name when only one has it.
        account: String,
        /// The permission set's name.
        permission_set: String,
    },
    /// Membership of a group.
    Group {
        /// The group's id, or its name when only one has it.
        group: String,
    },
}

/// What the rules said when the request was made. Informative: authority is computed anew, and what a
/// grant rests on is its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulingAtAsking {
    /// What it rests on.
    pub kind: DecidedKind,
    /// Who could say yes.
    pub approvers: Vec<Email>,
    /// Their user ids, of those whom the directory knew: they may see the request. Requests from
    /// before these were kept are seen by those whom today's rules list.
    pub approver_users: Vec<UserId>,
    /// Which of them are told and reminded; the others may approve all the same.
    pub notify: Vec<Email>,
    /// The rules it rests on.
    pub based_on: Vec<String>,
    /// Hash of the rules in force.
    pub config_hash: String,
    /// How many different people must say yes.
    pub approvals_needed: u32,
}

/// What a request rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecidedKind {
    /// What was asked for does not exist or may not be asked for: no rule was asked.
    Invalid,
    /// Standing access was given an end: no rule was asked.
    Adopted,
    /// What the rules said.
    Rules(DecisionKind),
}

impl DecidedKind {
    /// Its name in stores, records and API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invalid => "Invalid",
            Self::Adopted => "Adopted",
            Self::Rules(kind) => kind.as_str(),
        }
    }
}

/// One person's yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// Whose, by the address of then.
    pub by: Email,
    /// Whose. Reviews from before this was kept count for nobody: an address alone may be
    /// somebody else's by now.
    pub user: Option<UserId>,
    /// When the approval was given.
    pub at: Timestamp,
    /// Their words, if any.
    pub comment: Option<String>,
    /// Whether it counted when access was given; while the request waits, whether it counts now, where
    /// [`Access::as_counted`](crate::Access::as_counted) looked. Where nobody did, that it does is taken for granted.
    pub counts: bool,
}

impl Review {
    /// Whether both are one person's; those of before users were kept are told apart by their addresses.
    fn is_of_same(&self, other: &Self) -> bool {
        match (&self.user, &other.user) {
            (Some(one), Some(other)) => one == other,
            (Some(_) | None, Some(_) | None) => self.by == other.by,
        }
    }
}

/// When approvers are reminded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reminders {
    /// How many were sent.
    pub sent: u32,
    /// When the next is due; `None` when no more follow.
    pub next_at: Option<Timestamp>,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestState {
    /// Waits for a person.
    Pending,
    /// Decided yes.
    Approved {
        /// By whom; the requester when no approval is needed.
        by: Email,
        /// When it was approved.
        at: Timestamp,
        /// In which capacity.
        approval: Approval,
        /// Their words, if any.
        comment: Option<String>,
    },
    /// Decided no.
    Denied {
        /// Who denied it.
        by: Email,
        /// When it was denied.
        at: Timestamp,
        /// Their words, if any.
        reason: Option<String>,
    },
    /// Withdrawn.
    Discarded {
        /// Who withdrew it.
        by: Email,
        /// When it was withdrawn.
        at: Timestamp,
    },
    /// Nobody decided in time.
    Expired {
        /// When it lapsed.
        at: Timestamp,
    },
    /// Refused when it was made.
    Rejected {
        /// When it was refused.
        at: Timestamp,
        /// The refusal's stable code.
        code: String,
        /// For people.
        detail: String,
    },
}

impl RequestState {
    /// The state without what it holds.
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

    /// The state's name in storage, API and pages.
    pub const fn name(&self) -> &'static str {
        self.kind().name()
    }
}

/// That approvers made a request shorter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortened {
    /// How long was asked for.
    pub from: TimeSpan,
    /// Who made it as short as it is.
    pub by: Email,
}

/// What of a request its reviewers decide by, as a number: it grows with every change but the
/// reminders, which change nothing they see.
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

/// What somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Ours.
    pub id: RequestId,
    /// Who asks, and gets the access.
    pub requester: Person,
    /// What it is for, as it was named.
    pub wanted: Wanted,
    /// What it is for; `None` when it was rejected because no such thing exists. INVARIANT: its user
    /// is the requester; nobody asks for somebody else.
    pub key: Option<HoldKey>,
    /// The target's names when it was asked for.
    pub names: TargetNames,
    /// For how long: as it was asked, or as short as it was made since.
    pub duration: TimeSpan,
    /// That approvers made it shorter.
    pub shortened: Option<Shortened>,
    /// Why, byte for byte.
    pub reason: String,
    /// A ticket's name, when one was given.
    pub ticket: Option<String>,
    /// The door it came in by.
    pub origin: Origin,
    /// Whether the requester was matched through a fallback e-mail domain.
    pub secondary_domain: bool,
    /// When it was made.
    pub asked_at: Timestamp,
    /// When it lapses; `None` = never.
    pub expires_at: Option<Timestamp>,
    /// From when; at once where nothing is said.
    pub start: Option<PlannedStart>,
    /// The grant it would lengthen.
    pub extends: Option<GrantId>,
    /// The other requests that were made by the same asking (`access.md` §5.2). What became of each is
    /// its own affair.
    pub asked_with: Vec<RequestId>,
    /// What the rules said.
    pub decided: RulingAtAsking,
    /// Approvals so far.
    pub reviews: Vec<Review>,
    /// Which warnings were read and confirmed, by whoever asked and by those who approved.
    pub confirmed: Vec<Confirmation>,
    /// Reminders.
    pub reminders: Reminders,
    /// The grant it led to.
    pub grant: Option<GrantId>,
    /// Its review after the fact, when the glass was broken.
    pub after_review: Option<AfterReview>,
    /// What became of it.
    pub state: RequestState,
    /// What it lacks by the rules of now, while it waits for people and where
    /// [`Access::as_counted`](crate::Access::as_counted) looked. Never stored.
    pub outstanding: Option<Box<Outstanding>>,
    /// Grows with every change; guards concurrent writers.
    pub version: u64,
}

impl Request {
    /// How long it was asked for, before any approver made it shorter.
    pub fn asked_for(&self) -> TimeSpan {
        let shortened = self.shortened.as_ref();
        shortened.map_or(self.duration, |shortened| shortened.from)
    }

    /// What the newest approval said in words, and who.
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

    /// When time alone does something to it: the earlier of lapse and reminder, while it waits.
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

    /// Whether it can still be decided: as [`Request::pending`] has it.
    pub fn is_waiting(&self, now: Timestamp) -> bool {
        matches!(self.state, RequestState::Pending)
            && self.key.is_some()
            && self.expires_at.is_none_or(|at| now < at)
    }

    /// Whether the actor has said yes to it.
    pub fn is_reviewed_by(&self, actor: &Actor) -> bool {
        self.reviews
            .iter()
            .any(|review| review.user.as_ref().is_some_and(|user| actor.is_user(user)))
    }

    /// The newest yes that counts of each person: whoever had to press again has said it several times.
    pub fn reviewers(&self) -> Vec<&Review> {
        let newest = self.reviews.iter().enumerate().filter(|(at, review)| {
            let mut later = self.reviews.iter().skip(at + 1);
            review.counts && !later.any(|it| it.counts && it.is_of_same(review))
        });
        newest.map(|(_, review)| review).collect()
    }

    /// Whether the glass was broken and nobody has closed the review yet.
    pub fn has_open_review(&self) -> bool {
        let review = self.after_review.as_ref();
        matches!(self.state, RequestState::Approved { .. })
            && review.is_some_and(|review| review.closed.is_none())
    }

    /// What a reviewer sees of it now.
    pub fn seen(&self) -> ReviewedVersion {
        ReviewedVersion(self.version.saturating_sub(u64::from(self.reminders.sent)))
    }

    /// Two requests with the same value may not both be pending.
    pub fn dedupe_key(&self) -> String {
        let starts_at = self.start.as_ref().map(|start| start.at);
        match &self.key {
            Some(key) => Self::dedupe_key_of(key, self.extends, starts_at),
            None => self.id.to_string(),
        }
    }

    /// The [`dedupe_key`](Self::dedupe_key) of a request for `key`.
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

    /// The request as one that can still be decided.
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
            // INVARIANT: what does not exist never waits for approval
            (RequestState::Pending, None) => Err(closed("rejected", None, self.asked_at)),
            (RequestState::Approved { by, at, .. }, _) => Err(closed("approved", Some(by), *at)),
            (RequestState::Denied { by, at, .. }, _) => Err(closed("denied", Some(by), *at)),
            (RequestState::Discarded { by, at }, _) => Err(closed("discarded", Some(by), *at)),
            (RequestState::Expired { at }, _) => Err(closed("expired", None, *at)),
            (RequestState::Rejected { at, .. }, _) => Err(closed("rejected", None, *at)),
        }
    }
}

/// A request that is decided, or lapsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("already {how}{} at {at}", by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default())]
pub struct Closed {
    /// The state's name.
    pub how: &'static str,
    /// Who closed it, when a person did.
    pub by: Option<Email>,
    /// When it was closed.
    pub at: Timestamp,
}

/// A request that waits, and has not lapsed at the instant it was looked at.
#[derive(Clone, Debug)]
pub struct PendingRequest {
    key: HoldKey,
    request: Request,
}

impl PendingRequest {
    /// What was asked for.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// What it is for.
    pub fn key(&self) -> &HoldKey {
        &self.key
    }

    /// The same request in its next state.
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

    /// The same request for a shorter time.
    pub(crate) fn shorten(&mut self, duration: TimeSpan) {
        self.request.duration = duration;
    }

    /// The same request for a shorter time, which an approver said.
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

    /// The same request, to be reviewed once it was granted without waiting.
    pub(crate) fn open_review(&mut self, review: AfterReview) {
        self.request.after_review = Some(review);
    }

    /// The same request, to begin at once.
    pub(crate) fn start_at_once(&mut self) {
        self.request.start = None;
    }

    /// Still waiting, with one more approval.
    pub(crate) fn reviewed(mut self, review: Review) -> Request {
        self.request.reviews.push(review);
        self.request
    }

    /// Still waiting, with its next reminder.
    pub(crate) fn reminded(mut self, reminders: Reminders) -> Request {
        self.request.reminders = reminders;
        self.request
    }
}
