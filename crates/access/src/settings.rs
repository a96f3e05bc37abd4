//! Time settings (`access.md` §6, §7), with the original's defaults.

use std::collections::BTreeSet;

use hallpass_base::{AccountId, TimeSpan, Timestamp};
use hallpass_rules::{ApprovalHours, ApprovalsOpen, Decision};

use crate::{ArmedEndsMode, GroupSyncSettings, SweepSettings};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnRuleChange {
    Report,
    End,
}

impl OnRuleChange {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::End => "end",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArmedEndSettings {
    pub mode: ArmedEndsMode,
    /// Service control policies per account that Hallpass may use for it, 1 to 3.
    pub policies: usize,
}

impl Default for ArmedEndSettings {
    fn default() -> Self {
        Self {
            mode: ArmedEndsMode::Off,
            policies: 1,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdminSignIn {
    /// `None` accepts any age.
    pub max_age: Option<TimeSpan>,
    /// Accepted methods, as the provider calls them (`acr`); empty accepts any.
    pub acr: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Required sign-in of administrators for actions that keep or restore access; `None` accepts
    /// any.
    pub admin_sign_in: Option<AdminSignIn>,
    /// `None` waits forever.
    pub request_expiry: Option<TimeSpan>,
    /// Simultaneously pending requests per user.
    pub waiting_per_person: u32,
    /// `None` sends no reminders.
    pub reminder_first: Option<TimeSpan>,
    /// The factor between waits; 0 and 1 keep them constant.
    pub reminder_factor: u32,
    pub duration_min: TimeSpan,
    pub duration_max: TimeSpan,
    /// Empty offers every 30 minutes up to the maximum.
    pub duration_choices: Vec<TimeSpan>,
    pub start_within: TimeSpan,
    pub on_rule_change: OnRuleChange,
    /// The maximum age of organization data for rule decisions.
    pub directory_max_age: TimeSpan,
    /// Notified of break glass with the approvers: `group:NAME` or an e-mail, as for
    /// administrators.
    pub admins: Vec<String>,
    pub end_sessions: bool,
    pub armed_ends: ArmedEndSettings,
    /// How long an outage of IAM Identity Center's home Region lasts before overdue access without
    /// enforced expiry is denied, if enforcement is on (`access.md` §22, R-1); `None` never denies.
    pub home_region_lost_after: Option<TimeSpan>,
    /// Interval of checks on users with access, tokens or sessions (`access.md` §22, R-5); `None`
    /// checks only with the organization, or after an event.
    pub people_every: Option<TimeSpan>,
    /// Whether to read account access manager entitlements, and to delete those of users whose
    /// access ends (`access.md` §22, R-4).
    pub entitlements: bool,
    /// How long records may wait for export before new access is refused; `None` = forever.
    pub require_export_within: Option<TimeSpan>,
    /// If known. Policies that end sessions have no effect there.
    pub management_account: Option<AccountId>,
    /// The management account, if Hallpass is delegated administrator: AWS lets only the management
    /// account change its assignments (`access.md` §13.2).
    pub out_of_reach: Option<AccountId>,
    pub sweep: SweepSettings,
    pub group_sync: Option<GroupSyncSettings>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            admin_sign_in: None,
            request_expiry: Some(TimeSpan::hours(8)),
            waiting_per_person: 20,
            reminder_first: Some(TimeSpan::minutes(15)),
            reminder_factor: 2,
            duration_min: TimeSpan::minutes(5),
            duration_max: TimeSpan::hours(24),
            duration_choices: Vec::new(),
            start_within: TimeSpan::hours(30 * 24),
            on_rule_change: OnRuleChange::Report,
            directory_max_age: TimeSpan::minutes(15),
            admins: Vec::new(),
            end_sessions: false,
            armed_ends: ArmedEndSettings::default(),
            home_region_lost_after: Some(TimeSpan::minutes(10)),
            people_every: Some(TimeSpan::seconds(30)),
            entitlements: true,
            require_export_within: None,
            management_account: None,
            out_of_reach: None,
            sweep: SweepSettings::default(),
            group_sync: None,
        }
    }
}

/// Reminders of a request without expiry stop after so many, or after the next constant.
const REMINDERS_MAX: u32 = 10;
const REMINDED_FOR: TimeSpan = TimeSpan::hours(7 * 24);
/// Offered durations; others can be typed (`access.md` §7.4).
const CHOICES_MAX: usize = 100;

/// Returns when approvals may be given: immediately if never.
fn opening(hours: &[ApprovalHours], at: Timestamp) -> Timestamp {
    match ApprovalHours::open(hours, at) {
        ApprovalsOpen::Now | ApprovalsOpen::Never => at,
        ApprovalsOpen::From(opens) => opens,
    }
}

/// Returns the first administrator named by address.
pub fn contact(admins: &[String]) -> &str {
    let named = admins.iter().find(|entry| entry.contains('@'));
    named.map_or("an administrator", String::as_str)
}

impl Settings {
    pub fn contact(&self) -> &str {
        contact(&self.admins)
    }

    /// The largest choice, if choices are configured.
    pub fn longest(&self) -> TimeSpan {
        self.duration_choices
            .iter()
            .copied()
            .max()
            .unwrap_or(self.duration_max)
    }

    pub fn longest_by(&self, decision: &Decision) -> TimeSpan {
        let longest = self.longest();
        decision.max_duration.unwrap_or(longest).min(longest)
    }

    /// In configured order, else shortest first.
    pub fn choices(&self, longest: TimeSpan) -> Vec<TimeSpan> {
        let half_hours = self.duration_max.as_seconds() / 1800;
        let listed: Vec<TimeSpan> = if self.duration_choices.is_empty() {
            (1..=half_hours)
                .map(|n| TimeSpan::minutes(30 * n))
                .collect()
        } else {
            self.duration_choices.clone()
        };
        let mut fitting: Vec<TimeSpan> = listed
            .into_iter()
            .filter(|span| *span <= longest && *span >= self.duration_min)
            .collect();
        // Durations below every choice can still be requested.
        if fitting.is_empty() && longest >= self.duration_min {
            fitting.push(longest);
        }
        if fitting.len() > CHOICES_MAX {
            let last = fitting.last().copied();
            fitting.truncate(CHOICES_MAX - 1);
            fitting.extend(last);
        }
        fitting
    }

    pub fn expires_at(&self, asked_at: Timestamp) -> Option<Timestamp> {
        self.request_expiry
            .filter(|expiry| !expiry.is_zero())
            .map(|expiry| expiry.after(asked_at))
    }

    /// Counts the time to decide from the first approval hour. If the day's hours end earlier, it
    /// restarts the next day, so approvers have one full period.
    pub fn lapses_at(&self, asked_at: Timestamp, hours: &[ApprovalHours]) -> Option<Timestamp> {
        let opens = opening(hours, asked_at);
        let lapses = self.expires_at(opens)?;
        if opens != asked_at {
            return Some(lapses);
        }
        let is_closed_by_then = |again: Timestamp| {
            let last = TimeSpan::seconds(1).before(lapses);
            again < lapses || !ApprovalHours::are_open(hours, last)
        };
        match ApprovalHours::opens_again(hours, asked_at) {
            Some(again) if is_closed_by_then(again) => self.expires_at(again),
            Some(_) | None => Some(lapses),
        }
    }

    /// Returns the reminder after `sent` others, within approval hours if possible, counted from
    /// the first one.
    pub fn reminder_within(
        &self,
        asked_at: Timestamp,
        expires_at: Option<Timestamp>,
        hours: &[ApprovalHours],
        sent: u32,
    ) -> Option<Timestamp> {
        let at = self.reminder_at(opening(hours, asked_at), expires_at, sent)?;
        let opens = opening(hours, at);
        let in_time = expires_at.is_none_or(|lapses| opens < lapses);
        // Too late by these hours, which may change: the sender checks again.
        Some(if in_time { opens } else { at })
    }

    /// `None` when no more follow. Reminder k falls on the sum of the first k waits, before the
    /// request expires.
    pub fn reminder_at(
        &self,
        asked_at: Timestamp,
        expires_at: Option<Timestamp>,
        sent: u32,
    ) -> Option<Timestamp> {
        let first = self.reminder_first.filter(|first| !first.is_zero())?;
        let factor = u64::from(self.reminder_factor.max(1));
        let (mut wait, mut sum) = (first.as_seconds(), 0_u64);
        for k in 0..=sent {
            sum = sum.saturating_add(wait);
            if k < sent {
                wait = wait.saturating_mul(factor);
            }
        }
        let at = TimeSpan::seconds(sum).after(asked_at);
        let still = match expires_at {
            Some(expires_at) => at < expires_at,
            None => sent < REMINDERS_MAX && at <= REMINDED_FOR.after(asked_at),
        };
        still.then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use hallpass_base::Email;
    use hallpass_rules::directory::Snapshot;
    use hallpass_rules::{Ask, Directory, RuleFile, load};

    use super::*;

    fn reminders(settings: &Settings, most: usize) -> Vec<u64> {
        let start = Timestamp::UNIX_EPOCH;
        let expires = settings.expires_at(start);
        (0..)
            .map_while(|sent| settings.reminder_at(start, expires, sent))
            .take(most)
            .map(|at| TimeSpan::between(start, at).as_seconds() / 60)
            .collect()
    }

    #[test]
    fn reminders_follow_the_table_of_the_specification() {
        let with = |factor, expiry| Settings {
            reminder_factor: factor,
            request_expiry: expiry,
            ..Settings::default()
        };
        let eight = Some(TimeSpan::hours(8));
        assert_eq!(reminders(&with(2, eight), 99), [15, 45, 105, 225, 465]);
        assert_eq!(reminders(&with(3, eight), 99), [15, 60, 195]);
        for factor in [0, 1] {
            let constant = reminders(&with(factor, eight), 99);
            assert_eq!(
                (constant.len(), constant.first(), constant.last()),
                (31, Some(&15), Some(&465))
            );
        }
        assert_eq!(reminders(&with(1, None), 99).len(), 10);
        assert_eq!(
            reminders(&with(4, Some(TimeSpan::ZERO)), 99),
            [15, 75, 315, 1275, 5115]
        );
        let none = Settings {
            reminder_first: Some(TimeSpan::ZERO),
            ..Settings::default()
        };
        assert_eq!(reminders(&none, 99), Vec::<u64>::new());
    }

    fn hours(from: &str, to: &str) -> Vec<ApprovalHours> {
        let text = format!(
            "[[rule]]\naccounts = '*'\npermission_sets = '*'\napprovers = 'bo@corp.example'\n\
             approval_hours = {{ from = '{from}', to = '{to}', time_zone = 'UTC' }}"
        );
        let rules = load(&RuleFile::new("rules.toml", text)).unwrap().rules;
        let account = "111111111111".parse().unwrap();
        let ask = Ask::Account {
            account: &account,
            permission_set: "ReadOnly",
        };
        let (ana, nobody) = (Email::new("ana@corp.example").unwrap(), Snapshot::default());
        let now = "2026-03-02T10:00:00Z".parse().unwrap();
        let decision = rules.decide(&ana, &ask, &Directory::new(nobody), now);
        assert_eq!(decision.approval_hours.len(), 1);
        decision.approval_hours
    }

    #[test]
    fn whoever_decides_has_whole_hours_for_it() {
        let day = hours("09:00", "17:00");
        let at = |text: &str| -> Timestamp { format!("2026-03-{text}:00Z").parse().unwrap() };
        for (hours, expiry, asked, lapses) in [
            (&[][..], 8, "02T12:00", Some("02T20:00")),
            (&day, 0, "02T12:00", None),
            // Expires with the hours, or before
            (&day, 8, "02T09:00", Some("02T17:00")),
            (&day, 4, "02T12:00", Some("02T16:00")),
            // The hours end before
            (&day, 8, "02T09:01", Some("03T17:00")),
            (&day, 8, "02T16:55", Some("03T17:00")),
            // And reopen before
            (&day, 24, "02T16:55", Some("04T09:00")),
            // Closed
            (&day, 8, "02T18:00", Some("03T17:00")),
            (&day, 24, "02T18:00", Some("04T09:00")),
        ] {
            let settings = Settings {
                request_expiry: Some(TimeSpan::hours(expiry)),
                ..Settings::default()
            };
            let found = settings.lapses_at(at(asked), hours);
            assert_eq!(found, lapses.map(at), "{expiry} h, asked at {asked}");
        }
    }

    #[test]
    fn durations_are_offered_in_half_hours_up_to_the_longest() {
        let settings = Settings::default();
        let choices = settings.choices(settings.longest());
        assert_eq!(
            (choices.len(), choices[0], choices[47]),
            (48, TimeSpan::minutes(30), TimeSpan::hours(24))
        );
        assert_eq!(settings.choices(TimeSpan::hours(2)).len(), 4);
    }

    #[test]
    fn listed_choices_replace_the_list_and_lift_the_maximum() {
        let settings = Settings {
            duration_choices: vec![TimeSpan::hours(1), TimeSpan::hours(72)],
            ..Settings::default()
        };
        assert_eq!(settings.longest(), TimeSpan::hours(72));
        assert_eq!(
            settings.choices(settings.longest()),
            [TimeSpan::hours(1), TimeSpan::hours(72)]
        );
        let many = Settings {
            duration_choices: (1..=150).map(TimeSpan::hours).collect(),
            ..Settings::default()
        };
        let thinned = many.choices(many.longest());
        assert_eq!(
            (thinned.len(), thinned[98], thinned[99]),
            (100, TimeSpan::hours(99), TimeSpan::hours(150))
        );
    }
}
