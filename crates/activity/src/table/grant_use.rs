//! Use of a grant (`inventory.md` H-28): calls of the holder's sessions begun while it was active.
//! Missing logs are reported, never counted as no use.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_aws_model::facts;
use hallpass_base::{TimeSpan, Timestamp};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::manifest::AccountSpan;
use super::notable::NotableKind;
use super::sessions::{SessionAccount, SessionCall, SessionOfDay};

/// A session may begin shortly before the access was seen.
const EARLY: TimeSpan = TimeSpan::minutes(5);
/// The longest role session.
const SESSION_MAX: TimeSpan = TimeSpan::hours(facts::SESSION_HOURS.value as u64);
/// CloudTrail's delivery delay: absence is only known this far before the log's end.
const DELIVERY: TimeSpan = TimeSpan::minutes(15);
/// Days examined per grant.
const DAYS_MAX: usize = 62;

#[derive(Clone, Debug)]
pub struct GrantWindow {
    pub account: String,
    pub permission_set: String,
    pub user_id: String,
    /// Possible session names.
    pub names: Vec<String>,
    /// When the access was seen.
    pub from: Timestamp,
    /// `None` while it is active.
    pub until: Option<Timestamp>,
}

#[derive(Clone, Debug, Default)]
pub struct AccountActivity {
    pub span: Option<AccountSpan>,
    pub days: BTreeMap<Date, SessionAccount>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantUseState {
    Used,
    /// Unused, with sufficient logs.
    NeverUsed,
    /// Unused as far as the log goes.
    NotSoFar,
    /// The log lacks some days.
    NotKnown,
    /// The log ends before the grant begins.
    LogEndsBefore,
}

impl GrantUseState {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::NeverUsed => "never_used",
            Self::NotSoFar => "not_so_far",
            Self::NotKnown | Self::LogEndsBefore => "not_known",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantCall {
    pub call: SessionCall,
    pub notable: Option<NotableKind>,
    pub is_after_end: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantUse {
    pub state: GrantUseState,
    /// The extent of the account's log.
    pub log: Option<AccountSpan>,
    /// Whether later days were left out.
    pub is_cut: bool,
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
    pub sessions: usize,
    pub count: u64,
    pub denied: u64,
    /// Written services first.
    pub services: Vec<String>,
    /// Notable ones first, then writes.
    pub calls: Vec<GrantCall>,
}

impl GrantWindow {
    pub fn days(&self, now: Timestamp) -> Vec<Date> {
        let date = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
        let last = date(self.last_moment(now));
        let first = date(EARLY.before(self.from));
        first
            .series(jiff::Span::new().days(1))
            .take_while(|it| *it <= last)
            .take(DAYS_MAX)
            .collect()
    }

    fn last_moment(&self, now: Timestamp) -> Timestamp {
        self.until.map_or(now, |it| SESSION_MAX.after(it).min(now))
    }

    fn is_cut(&self, now: Timestamp) -> bool {
        let last = self.last_moment(now).to_zoned(TimeZone::UTC).date();
        self.days(now).last().is_some_and(|it| *it < last)
    }

    /// Same holder and permission set, begun while the grant was active.
    fn has(&self, session: &SessionOfDay) -> bool {
        let is_holder = session.is_of(&self.user_id, &self.names);
        let first = session.calls.iter().map(|it| it.first).min();
        let Some(began) = session.started.or(first) else {
            return false;
        };
        let is_within = EARLY.before(self.from) <= began && self.until.is_none_or(|it| began <= it);
        is_holder && is_within && session.permission_set == self.permission_set
    }

    fn unused(&self, activity: &AccountActivity, now: Timestamp) -> GrantUseState {
        let Some(log) = activity.span else {
            return GrantUseState::NotKnown;
        };
        if log.until <= self.from {
            return GrantUseState::LogEndsBefore;
        }
        let reaches = log.until.to_zoned(TimeZone::UTC).date();
        let mut days = self.days(now).into_iter().filter(|it| *it < reaches);
        let has_gap = days.any(|day| !activity.days.contains_key(&day));
        if log.from > self.from || has_gap || self.is_cut(now) {
            return GrantUseState::NotKnown;
        }
        match self.until {
            Some(until) if log.until >= DELIVERY.after(until) => GrantUseState::NeverUsed,
            Some(_) | None => GrantUseState::NotSoFar,
        }
    }
}

pub fn grant_use(grant: &GrantWindow, activity: &AccountActivity, now: Timestamp) -> GrantUse {
    type CallKey<'a> = (&'a str, &'a str, Option<&'a str>);
    let mut calls: BTreeMap<CallKey<'_>, SessionCall> = BTreeMap::new();
    let mut sessions = BTreeSet::new();
    let looked_at = grant.days(now);
    let of_days = activity
        .days
        .iter()
        .filter(|(day, _)| looked_at.contains(day));
    for (day, account) in of_days {
        for session in account.sessions.iter().filter(|it| grant.has(it)) {
            // A session over midnight is on both days.
            let day = session.started.map_or(Some(*day), |_| None);
            sessions.insert((session.person.as_str(), session.started, day));
            for call in &session.calls {
                let key = (
                    call.service.as_str(),
                    call.action.as_str(),
                    call.error_code.as_deref(),
                );
                match calls.get_mut(&key) {
                    Some(before) => join(before, call),
                    None => {
                        calls.insert(key, call.clone());
                    }
                }
            }
        }
    }
    let calls: Vec<GrantCall> = calls
        .into_values()
        .map(|call| GrantCall {
            notable: NotableKind::of(&call.service, &call.action, call.is_write),
            is_after_end: grant.until.is_some_and(|it| call.last > it),
            call,
        })
        .collect();
    let state = if calls.is_empty() {
        grant.unused(activity, now)
    } else {
        GrantUseState::Used
    };
    summed(
        state,
        activity.span,
        grant.is_cut(now),
        sessions.len(),
        calls,
    )
}

fn summed(
    state: GrantUseState,
    log: Option<AccountSpan>,
    is_cut: bool,
    sessions: usize,
    mut calls: Vec<GrantCall>,
) -> GrantUse {
    let reads = |it: &GrantCall| it.call.is_write != Some(true);
    // Stable: otherwise by service and action.
    calls.sort_by_key(|it| (it.notable.is_none(), it.notable, reads(it)));
    let mut services: BTreeMap<&str, bool> = BTreeMap::new();
    for call in &calls {
        let only_read = services.entry(&call.call.service).or_insert(true);
        *only_read &= reads(call);
    }
    let mut services: Vec<(bool, String)> = services
        .into_iter()
        .map(|(name, only_read)| (only_read, name.to_owned()))
        .collect();
    services.sort();
    let of = |it: &GrantCall| it.call.count;
    let denied = calls.iter().filter(|it| it.call.error_code.is_some());
    GrantUse {
        state,
        log,
        is_cut,
        first: calls.iter().map(|it| it.call.first).min(),
        last: calls.iter().map(|it| it.call.last).max(),
        sessions,
        count: calls.iter().map(of).sum(),
        denied: denied.map(of).sum(),
        services: services.into_iter().map(|(_, name)| name).collect(),
        calls,
    }
}

fn join(before: &mut SessionCall, call: &SessionCall) {
    before.count += call.count;
    before.first = before.first.min(call.first);
    before.last = before.last.max(call.last);
    before.is_write = before.is_write.max(call.is_write);
    for arn in &call.resources {
        if before.resources.len() < super::row::SAMPLES_MAX && !before.resources.contains(arn) {
            before.resources.push(arn.clone());
        }
    }
}
