use hallpass_audit::Approval;
use hallpass_base::{Email, TimeSpan, Timestamp, UserId};

use super::{Request, RequestState};

/// Accepted delay of a start without shortening: ticks are a second apart.
pub(crate) const PUNCTUAL: TimeSpan = TimeSpan::minutes(1);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedStart {
    pub at: Timestamp,
    pub agreed: Option<AgreedStart>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreedStart {
    /// The last needed approver, by address then; the requester if no approval is needed.
    pub by: Email,
    pub user: Option<UserId>,
    pub at: Timestamp,
    pub approval: Approval,
}

impl Request {
    /// The instant for evaluating rules: the start, until it has passed.
    pub fn judged_at(&self, now: Timestamp) -> Timestamp {
        self.start.as_ref().map_or(now, |start| start.at.max(now))
    }

    pub fn starts_later(&self, now: Timestamp) -> Option<Timestamp> {
        let at = self.start.as_ref()?.at;
        (now < at).then_some(at)
    }

    pub fn agreed_start(&self) -> Option<&AgreedStart> {
        let start = self.start.as_ref()?;
        let waits = matches!(self.state, RequestState::Pending);
        start.agreed.as_ref().filter(|_| waits)
    }

    pub(crate) fn is_to_start(&self, now: Timestamp) -> bool {
        self.agreed_start().is_some() && self.starts_later(now).is_none()
    }

    /// Returns the remaining duration at the planned end.
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
