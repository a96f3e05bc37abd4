//! Which access lay in a period (`access.md` §23). Spans of grants are stored, so they are exact;
//! standing access is known only from the looks of sweeps.

use hallpass_base::{Timestamp, time};
use jiff::SignedDuration;
use jiff::tz::TimeZone;

use crate::{Grant, GrantState};

/// Contains `from`, but not `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    from: Timestamp,
    to: Timestamp,
}

impl Period {
    /// `None` if it does not begin before its end.
    pub fn new(from: Timestamp, to: Timestamp) -> Option<Self> {
        (from < to).then_some(Self { from, to })
    }

    /// One moment: a nanosecond.
    pub fn at(moment: Timestamp) -> Self {
        let to = moment.checked_add(SignedDuration::from_nanos(1));
        Self {
            from: moment,
            to: to.unwrap_or(Timestamp::MAX),
        }
    }

    pub const fn from(&self) -> Timestamp {
        self.from
    }

    pub const fn to(&self) -> Timestamp {
        self.to
    }

    pub fn has(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    pub fn overlaps(&self, span: AccessSpan) -> bool {
        span.from < self.to && span.until.is_none_or(|until| until > self.from)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a day such as 2026-11-22, a day and time such as 2026-11-22T08:00, or an instant \
     such as 2026-11-22T08:00Z"
)]
pub struct NotAMoment(String);

/// Parses an instant, a day and time in `zone`, or a day: its first moment.
///
/// # Errors
/// Any other form.
pub fn moment(text: &str, zone: &TimeZone) -> Result<Timestamp, NotAMoment> {
    let day = time::day(text).map(|day| day.at(0, 0, 0, 0));
    let local = day.or_else(|_| time::local(text)).ok();
    let found = match local {
        Some(local) => zone.to_timestamp(local).ok(),
        None => time::instant(text).ok(),
    };
    found.ok_or_else(|| NotAMoment(text.to_owned()))
}

/// As [`moment`], but a day means the first moment after it.
///
/// # Errors
/// As [`moment`].
pub fn end_moment(text: &str, zone: &TimeZone) -> Result<Timestamp, NotAMoment> {
    match time::day(text).ok().and_then(|day| day.tomorrow().ok()) {
        Some(next) => moment(&next.to_string(), zone),
        None => moment(text, zone),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessSpan {
    pub from: Timestamp,
    /// The first moment without access; `None` while it is there.
    pub until: Option<Timestamp>,
}

impl Grant {
    /// When the end of the access, or its failure, was seen.
    pub fn over_at(&self) -> Option<Timestamp> {
        match &self.state {
            GrantState::Ended { at, .. } | GrantState::Failed { at, .. } => Some(*at),
            GrantState::Scheduled
            | GrantState::Granting
            | GrantState::Active
            | GrantState::Ending { .. } => None,
        }
    }

    /// From when to when AWS had the access. Access that may be at AWS without having been seen
    /// counts from its schedule; `None` if there was none.
    pub fn access_span(&self) -> Option<AccessSpan> {
        let may_be_unseen = match &self.state {
            GrantState::Scheduled | GrantState::Failed { .. } => false,
            GrantState::Ended { removed, .. } => *removed,
            GrantState::Granting | GrantState::Active | GrantState::Ending { .. } => true,
        };
        let unseen = may_be_unseen.then_some(self.scheduled_at);
        Some(AccessSpan {
            from: self.granted_at.or(unseen)?,
            until: self.over_at(),
        })
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
