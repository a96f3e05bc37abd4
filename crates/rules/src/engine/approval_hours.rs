//! When approvals may be given.

use std::fmt;

use hallpass_model::{TimeSpan, Timestamp};
use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::{hours::Hours, rule::RuleId};

/// Hours in which approvals may be given, and the rule that says so. Outside of them nobody approves; a
/// request may be denied at any time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalHours {
    rule: RuleId,
    hours: Hours,
}

/// Hours repeat every week.
const OPENS_WITHIN_DAYS: u64 = 8;
const MINUTE: TimeSpan = TimeSpan::minutes(1);

impl ApprovalHours {
    pub(super) const fn new(rule: RuleId, hours: Hours) -> Self {
        Self { rule, hours }
    }

    /// The rule.
    pub const fn rule(&self) -> &RuleId {
        &self.rule
    }

    /// Whether an approval may be given at this instant.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.hours.contains(now)
    }

    /// The first whole minute from `now` on that is within all of these hours; none where they do not meet
    /// within a week.
    pub fn opens_at(all: &[Self], now: Timestamp) -> Option<Timestamp> {
        let into_minute = u64::try_from(now.as_second().rem_euclid(60)).unwrap_or_default();
        let first = TimeSpan::seconds(60 - into_minute).after(now);
        let last = TimeSpan::hours(24 * OPENS_WITHIN_DAYS).after(now);
        let mut minutes = std::iter::successors(Some(first), |at| {
            Some(MINUTE.after(*at)).filter(|at| *at <= last)
        });
        minutes.find(|at| all.iter().all(|hours| hours.is_open(*at)))
    }
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
