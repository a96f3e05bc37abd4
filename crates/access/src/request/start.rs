//! When the access of a request is to begin, and what of that was agreed to.

use hallpass_audit::Approval;
use hallpass_base::{Email, TimeSpan, Timestamp, UserId};

use super::{Request, RequestState};

/// How late a start may be without taking anything from the length: ticks are a second apart.
pub(crate) const PUNCTUAL: TimeSpan = TimeSpan::minutes(1);

/// When the access of a request is to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedStart {
    /// From when.
    pub at: Timestamp,
    /// That enough people said yes, or that nobody has to.
    pub agreed: Option<AgreedStart>,
}

/// That a start was agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreedStart {
    /// Whose yes was the last that was needed, by the address of then; the requester's own where no
    /// approval is needed.
    pub by: Email,
    /// Whose, by user id.
    pub user: Option<UserId>,
    /// When it was agreed to.
    pub at: Timestamp,
    /// In which capacity.
    pub approval: Approval,
}

impl Request {
    /// The instant by which the rules are asked about it: its start, until that has come.
    pub fn judged_at(&self, now: Timestamp) -> Timestamp {
        self.start.as_ref().map_or(now, |start| start.at.max(now))
    }

    /// When it starts, while that is to come.
    pub fn starts_later(&self, now: Timestamp) -> Option<Timestamp> {
        let at = self.start.as_ref()?.at;
        (now < at).then_some(at)
    }

    /// Who agreed to its start, while it waits for that.
    pub fn agreed_start(&self) -> Option<&AgreedStart> {
        let start = self.start.as_ref()?;
        let waits = matches!(self.state, RequestState::Pending);
        start.agreed.as_ref().filter(|_| waits)
    }

    /// Whether it was agreed to and its start has come.
    pub(crate) fn is_to_start(&self, now: Timestamp) -> bool {
        self.agreed_start().is_some() && self.starts_later(now).is_none()
    }

    /// For how long it would be granted now: until its start and its length are over.
    pub(crate) fn length_left(&self, now: Timestamp) -> TimeSpan {
        let Some(start) = &self.start else {
            return self.duration;
        };
        let late = TimeSpan::between(start.at, now);
        if now <= start.at || late < PUNCTUAL {
            return self.duration;
        }
        TimeSpan::between(now, self.duration.after(start.at))
    }
}
