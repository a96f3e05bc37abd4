use std::{collections::BTreeSet, fmt};

use hallpass_base::{TimeSpan, Timestamp};
use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::{hours::Hours, rule::RuleId};

/// Approval hours of a rule. Outside them no one can approve; denying is always possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalHours {
    rule: RuleId,
    hours: Hours,
}

/// Whether approvals are open, by all hours combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApprovalsOpen {
    Now,
    From(Timestamp),
    /// The hours do not overlap.
    Never,
}

/// Hours repeat weekly.
const OPENS_WITHIN_DAYS: u64 = 8;
const SECOND: TimeSpan = TimeSpan::seconds(1);

impl ApprovalHours {
    pub(super) const fn new(rule: RuleId, hours: Hours) -> Self {
        Self { rule, hours }
    }

    pub const fn rule(&self) -> &RuleId {
        &self.rule
    }

    pub fn is_open(&self, now: Timestamp) -> bool {
        self.hours.contains(now)
    }

    pub fn open(all: &[Self], now: Timestamp) -> ApprovalsOpen {
        if Self::are_open(all, now) {
            return ApprovalsOpen::Now;
        }
        Self::opens_at(all, now).map_or(ApprovalsOpen::Never, ApprovalsOpen::From)
    }

    /// Returns the first whole minute from `now` within all hours; none without overlap in a week.
    pub fn opens_at(all: &[Self], now: Timestamp) -> Option<Timestamp> {
        Self::may_open(all, now)
            .into_iter()
            .find(|at| Self::are_open(all, *at))
    }

    /// Returns the first whole minute from `now` at which they reopen; none within a week.
    pub fn opens_again(all: &[Self], now: Timestamp) -> Option<Timestamp> {
        let is_closed_before = |at: Timestamp| !Self::are_open(all, SECOND.before(at));
        Self::may_open(all, now)
            .into_iter()
            .find(|at| Self::are_open(all, *at) && is_closed_before(*at))
    }

    pub fn are_open(all: &[Self], at: Timestamp) -> bool {
        all.iter().all(|it| it.is_open(at))
    }

    fn may_open(all: &[Self], now: Timestamp) -> BTreeSet<Timestamp> {
        let last = TimeSpan::hours(24 * OPENS_WITHIN_DAYS).after(now);
        let first = minute_after(now);
        let opens = all.iter().flat_map(|it| it.hours.may_begin(now, last));
        let tried = opens.map(minute_from).chain([first]);
        tried.filter(|at| (first..=last).contains(at)).collect()
    }
}

fn minute_after(now: Timestamp) -> Timestamp {
    let into_minute = u64::try_from(now.as_second().rem_euclid(60)).unwrap_or_default();
    let second = Timestamp::from_second(now.as_second()).unwrap_or(now);
    TimeSpan::seconds(60 - into_minute).after(second)
}

fn minute_from(at: Timestamp) -> Timestamp {
    let is_whole = at.as_second().rem_euclid(60) == 0 && at.subsec_nanosecond() == 0;
    if is_whole { at } else { minute_after(at) }
}

impl fmt::Display for ApprovalHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.hours, f)
    }
}

impl Serialize for ApprovalHours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("ApprovalHours", 2)?;
        members.serialize_field("rule", &self.rule)?;
        members.serialize_field("hours", &self.hours.to_string())?;
        members.end()
    }
}
