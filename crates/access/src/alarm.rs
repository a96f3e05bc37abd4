//! Server alarms for operators, reported when they begin and end.

use std::fmt;

use hallpass_base::{TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};

/// At most one alarm of each kind is open at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmKind {
    ClocksDisagree,
    /// The organization cannot be read: no decisions are made.
    OrganizationUnread,
    /// The home Region of IAM Identity Center does not answer: nothing is granted or removed.
    HomeRegionLost,
    /// IAM Identity Center cannot use its customer managed key: nothing is granted or removed.
    KeyUnusable,
    /// The loop that grants and ends access is stuck.
    AssignmentsUntended,
    EndsOverdue,
    /// The database lost records that were read before: no access is granted.
    LogWentBack,
    /// A group that follows attributes needs attention.
    GroupSync,
    Guard,
    AuditNotExported,
    HeadNotPublished,
    /// An enforced-expiry policy has a foreign statement: no new end is enforced there.
    ForeignStatement,
}

impl AlarmKind {
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
            Self::AssignmentsUntended => "Assignments are not processed",
            Self::EndsOverdue => "Access is past its end",
            Self::LogWentBack => "The database lacks known records: access ends, and none is given",
            Self::GroupSync => "A group whose members follow attributes needs attention",
            Self::Guard => "A guard needs attention",
            Self::AuditNotExported => "The audit log is not exported",
            Self::HeadNotPublished => "No head of the audit log is published",
            Self::ForeignStatement => "A policy of enforced expiry has foreign content",
        }
    }

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

    /// How long the condition must last before it is reported: brief ones need no action.
    pub const fn patience(self) -> TimeSpan {
        match self {
            // No access is granted meanwhile. A lost Region has already lasted a minute.
            Self::ClocksDisagree | Self::HomeRegionLost | Self::KeyUnusable | Self::LogWentBack => {
                TimeSpan::seconds(2)
            }
            // These already waited before they report. A guard and a read take a minute to start.
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmState {
    Begun,
    Over,
}

impl AlarmState {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Over => "over",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    pub alarm: AlarmKind,
    pub state: AlarmState,
    pub since: Timestamp,
    pub at: Timestamp,
    pub text: String,
}

impl Alarm {
    /// Whether recording this changes the state: an open alarm cannot begin again, and a closed one
    /// cannot end.
    pub fn changes(&self, before: Option<&Self>) -> bool {
        let stood = before.is_some_and(|before| before.state == AlarmState::Begun);
        stood != (self.state == AlarmState::Begun)
    }

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
