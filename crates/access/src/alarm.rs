//! Alarms of the server: what those who run the place have to look at, told when it begins and when it is
//! over.

use std::fmt;

use hallpass_base::{TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};

/// What an alarm is about. At most one of each kind stands at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmKind {
    /// The clocks disagree: no access is given.
    ClocksDisagree,
    /// The organization cannot be read: nothing is decided.
    OrganizationUnread,
    /// The home Region of IAM Identity Center does not answer: nothing is given or removed.
    HomeRegionLost,
    /// IAM Identity Center cannot use its customer managed key: nothing is given or removed.
    KeyUnusable,
    /// The loop that grants and ends does not come round.
    AssignmentsUntended,
    /// Ends are late.
    EndsOverdue,
    /// The database lacks records that were seen: nothing is given.
    LogWentBack,
    /// A group whose members follow attributes needs somebody to look.
    GroupSync,
    /// A guard is not heard, or complains.
    Guard,
    /// The audit log is not exported.
    AuditNotExported,
    /// No head of the audit log is published.
    HeadNotPublished,
    /// A policy of armed ends has what is not ours: no new end is armed beside it.
    ForeignStatement,
}

impl AlarmKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::ClocksDisagree,
        Self::OrganizationUnread,
        Self::HomeRegionLost,
        Self::KeyUnusable,
        Self::AssignmentsUntended,
        Self::EndsOverdue,
        Self::LogWentBack,
        Self::GroupSync,
        Self::Guard,
        Self::AuditNotExported,
        Self::HeadNotPublished,
        Self::ForeignStatement,
    ];

    /// The kind's name in stores, metrics and webhooks.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClocksDisagree => "clocks_disagree",
            Self::OrganizationUnread => "organization_unread",
            Self::HomeRegionLost => "home_region_lost",
            Self::KeyUnusable => "key_unusable",
            Self::AssignmentsUntended => "assignments_untended",
            Self::EndsOverdue => "ends_overdue",
            Self::LogWentBack => "log_went_back",
            Self::GroupSync => "group_sync",
            Self::Guard => "guard",
            Self::AuditNotExported => "audit_not_exported",
            Self::HeadNotPublished => "head_not_published",
            Self::ForeignStatement => "foreign_statement",
        }
    }

    /// What it is called where people read.
    pub const fn title(self) -> &'static str {
        match self {
            Self::ClocksDisagree => "The clocks disagree: no access is given",
            Self::OrganizationUnread => "The organization cannot be read: nothing is decided",
            Self::HomeRegionLost => {
                "The home Region of IAM Identity Center does not answer: no access is given or removed"
            }
            Self::KeyUnusable => {
                "IAM Identity Center cannot use its key: no access is given or removed"
            }
            Self::AssignmentsUntended => "Assignments are not tended",
            Self::EndsOverdue => "Access is past its end",
            Self::LogWentBack => {
                "The database lacks records that were seen: access ends, and none is given"
            }
            Self::GroupSync => "A group whose members follow attributes needs somebody to look",
            Self::Guard => "A guard needs somebody to look",
            Self::AuditNotExported => "The audit log is not exported",
            Self::HeadNotPublished => "No head of the audit log is published",
            Self::ForeignStatement => "A policy of armed ends has what Hallpass did not write",
        }
    }

    /// The runbook that says what to do.
    pub const fn runbook(self) -> &'static str {
        match self {
            Self::ClocksDisagree => "docs/operations/runbooks/clock-wrong.md",
            Self::OrganizationUnread => "docs/operations/runbooks/aws-throttling.md",
            Self::HomeRegionLost => "docs/operations/runbooks/home-region-lost.md",
            Self::KeyUnusable => "docs/operations/runbooks/identity-center-key.md",
            Self::AssignmentsUntended | Self::EndsOverdue => {
                "docs/operations/runbooks/end-overdue.md"
            }
            Self::LogWentBack => "docs/operations/runbooks/log-went-back.md",
            Self::GroupSync => "docs/operations/runbooks/group-sync.md",
            Self::Guard => "docs/operations/runbooks/guard-silent.md",
            Self::AuditNotExported | Self::HeadNotPublished => {
                "docs/operations/runbooks/audit-behind.md"
            }
            Self::ForeignStatement => "docs/operations/runbooks/foreign-statement.md",
        }
    }

    /// For how long it has to be so before it is told: what passes by itself is nobody's work.
    pub const fn patience(self) -> TimeSpan {
        match self {
            // nothing is granted meanwhile; a lost Region has been for a minute, and a key is not in dispute
            Self::ClocksDisagree | Self::HomeRegionLost | Self::KeyUnusable | Self::LogWentBack => {
                TimeSpan::seconds(2)
            }
            // these have waited before they complain; a guard and a reading take a minute to begin
            Self::OrganizationUnread | Self::AssignmentsUntended | Self::EndsOverdue => {
                TimeSpan::minutes(1)
            }
            Self::GroupSync
            | Self::Guard
            | Self::AuditNotExported
            | Self::HeadNotPublished
            | Self::ForeignStatement => TimeSpan::minutes(2),
        }
    }
}

impl fmt::Display for AlarmKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether an alarm begins or is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmState {
    /// It stands.
    Begun,
    /// It stood, and does not any more.
    Over,
}

impl AlarmState {
    /// Its name in webhooks.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Over => "over",
        }
    }
}

/// A change of an alarm, as it is told and remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// What it is about.
    pub alarm: AlarmKind,
    /// Whether it begins or is over.
    pub state: AlarmState,
    /// When it began.
    pub since: Timestamp,
    /// When this was noticed.
    pub at: Timestamp,
    /// A sentence or two for people.
    pub text: String,
}

impl Alarm {
    /// Whether noting this changes anything: an alarm that stands does not begin again, and one that
    /// does not stand cannot be over.
    pub fn changes(&self, before: Option<&Self>) -> bool {
        let stood = before.is_some_and(|before| before.state == AlarmState::Begun);
        stood != (self.state == AlarmState::Begun)
    }

    /// A headline.
    pub fn title(&self) -> String {
        let what = self.alarm.title();
        match self.state {
            AlarmState::Begun => what.to_owned(),
            AlarmState::Over => format!("Over: {what}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(state: AlarmState) -> Alarm {
        Alarm {
            alarm: AlarmKind::Guard,
            state,
            since: Timestamp::UNIX_EPOCH,
            at: Timestamp::UNIX_EPOCH,
            text: String::new(),
        }
    }

    #[test]
    fn an_alarm_begins_once_and_is_over_once() {
        let (begun, over) = (alarm(AlarmState::Begun), alarm(AlarmState::Over));
        for (now, before, changes) in [
            (&begun, None, true),
            (&begun, Some(&begun), false),
            (&begun, Some(&over), true),
            (&over, None, false),
            (&over, Some(&begun), true),
            (&over, Some(&over), false),
        ] {
            assert_eq!(now.changes(before), changes, "{now:?} after {before:?}");
        }
    }

    #[test]
    fn names_are_those_that_are_stored() {
        for kind in AlarmKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }
}
