//! Use of standing access (`inventory.md` A-17): the days with calls in its sessions. Non-use is
//! only reported if the log has every day of every account.

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;

use hallpass_base::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::grant_use::AccountActivity;
use super::sessions::SessionOfDay;

#[derive(Clone, Debug)]
pub struct StandingWindow {
    pub permission_sets: BTreeSet<String>,
    pub user_id: String,
    /// Possible session names.
    pub names: Vec<String>,
    pub days: RangeInclusive<Date>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandingUse {
    Used {
        days: usize,
        last: Timestamp,
    },
    Never,
    /// Unused on logged days, but some days are missing.
    NotKnown,
}

impl StandingWindow {
    fn has(&self, session: &SessionOfDay) -> bool {
        session.is_of(&self.user_id, &self.names)
            && self.permission_sets.contains(&session.permission_set)
    }
}

/// Whether the log has every day; a part of the last is enough.
fn is_whole(activity: &AccountActivity, days: &RangeInclusive<Date>) -> bool {
    let Some(log) = activity.span else {
        return false;
    };
    let date = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let (first, last) = (*days.start(), *days.end());
    let mut whole_days = first
        .series(jiff::Span::new().days(1))
        .take_while(|it| *it < last);
    date(log.from) <= first
        && date(log.until) >= last
        && whole_days.all(|day| activity.days.contains_key(&day))
}

pub fn standing_use<'a>(
    window: &StandingWindow,
    accounts: impl Iterator<Item = &'a AccountActivity>,
) -> StandingUse {
    let (mut days, mut last, mut whole) = (BTreeSet::new(), None, true);
    for activity in accounts {
        whole &= is_whole(activity, &window.days);
        for (day, account) in activity.days.range(window.days.clone()) {
            for session in account.sessions.iter().filter(|it| window.has(it)) {
                days.insert(*day);
                last = last.max(session.calls.iter().map(|it| it.last).max());
            }
        }
    }
    match last {
        Some(last) => StandingUse::Used {
            days: days.len(),
            last,
        },
        None if whole => StandingUse::Never,
        None => StandingUse::NotKnown,
    }
}

/// When each user last used each permission set in an account, on some days.
pub struct LastUses<'a> {
    is_whole: bool,
    /// By permission set and user id.
    by_id: HashMap<(&'a str, &'a str), Timestamp>,
    /// By permission set and session name in lower case, of sessions without a user id.
    by_name: HashMap<(&'a str, String), Timestamp>,
}

impl<'a> LastUses<'a> {
    pub fn of(activity: &'a AccountActivity, days: &RangeInclusive<Date>) -> Self {
        let (mut by_id, mut by_name) = (HashMap::new(), HashMap::new());
        let days_read = activity.days.range(days.clone());
        for session in days_read.flat_map(|(_, day)| &day.sessions) {
            let Some(last) = session.calls.iter().map(|it| it.last).max() else {
                continue;
            };
            let set = session.permission_set.as_str();
            let seen = if let Some(id) = session.user_id.as_deref() {
                by_id.entry((set, id)).or_insert(last)
            } else {
                let name = session.person.to_ascii_lowercase();
                by_name.entry((set, name)).or_insert(last)
            };
            *seen = last.max(*seen);
        }
        Self {
            is_whole: is_whole(activity, days),
            by_id,
            by_name,
        }
    }

    /// Whether the log has every day, so that no last use is no use.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// `names`: possible session names, in lower case.
    pub fn last(&self, set: &str, user_id: &str, names: &[String]) -> Option<Timestamp> {
        let by_name = names.iter().map(|name| (set, name.clone()));
        let by_name = by_name.filter_map(|key| self.by_name.get(&key));
        self.by_id
            .get(&(set, user_id))
            .into_iter()
            .chain(by_name)
            .max()
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::table::manifest::AccountSpan;
    use crate::table::sessions::{SessionAccount, SessionCall};

    fn session(person: &str, user_id: Option<&str>, set: &str, at: &str) -> SessionOfDay {
        let at: Timestamp = at.parse().unwrap();
        SessionOfDay {
            person: person.to_owned(),
            user_id: user_id.map(str::to_owned),
            permission_set: set.to_owned(),
            started: None,
            calls: vec![SessionCall {
                service: "s3".to_owned(),
                action: "ListBuckets".to_owned(),
                error_code: None,
                is_write: None,
                count: 1,
                first: at,
                last: at,
                resources: Vec::new(),
            }],
        }
    }

    /// An account with logs for these days of November.
    fn account(days: RangeInclusive<i8>, sessions: &[SessionOfDay]) -> AccountActivity {
        let date = |day| Date::new(2026, 11, day).unwrap();
        let at = |day: i8, time: &str| format!("2026-11-{day:02}T{time}Z").parse().unwrap();
        let mut found: BTreeMap<Date, SessionAccount> = days
            .clone()
            .map(|day| (date(day), SessionAccount::default()))
            .collect();
        for session in sessions {
            let day = session.calls[0].first.to_zoned(TimeZone::UTC).date();
            found.entry(day).or_default().sessions.push(session.clone());
        }
        AccountActivity {
            span: Some(AccountSpan {
                from: at(*days.start(), "00:01:00"),
                until: at(*days.end(), "12:00:00"),
            }),
            days: found,
        }
    }

    fn window() -> StandingWindow {
        StandingWindow {
            permission_sets: BTreeSet::from(["Admin".to_owned(), "Ops".to_owned()]),
            user_id: "u-1".to_owned(),
            names: vec!["ana@example.com".to_owned(), "ana".to_owned()],
            days: Date::new(2026, 11, 3).unwrap()..=Date::new(2026, 11, 9).unwrap(),
        }
    }

    /// The last use by [`LastUses`]; `Err` if it is not known that there is none.
    fn last_use(
        window: &StandingWindow,
        accounts: &[AccountActivity],
    ) -> Result<Option<Timestamp>, ()> {
        let uses = accounts.iter().map(|it| LastUses::of(it, &window.days));
        let uses: Vec<LastUses<'_>> = uses.collect();
        let of_set = |set: &String| {
            let last = uses
                .iter()
                .map(|it| it.last(set, &window.user_id, &window.names));
            last.max().flatten()
        };
        match window.permission_sets.iter().filter_map(of_set).max() {
            None if !uses.iter().all(LastUses::is_whole) => Err(()),
            last => Ok(last),
        }
    }

    fn last_of(found: StandingUse) -> Result<Option<Timestamp>, ()> {
        match found {
            StandingUse::Used { last, .. } => Ok(Some(last)),
            StandingUse::Never => Ok(None),
            StandingUse::NotKnown => Err(()),
        }
    }

    #[test]
    fn days_of_use_are_counted_once_and_no_use_is_known_only_of_a_whole_log() {
        let window = window();
        let quiet = || account(3..=9, &[]);
        let mut gap = quiet();
        gap.days.remove(&Date::new(2026, 11, 5).unwrap());
        let used = [
            session("ANA", None, "Admin", "2026-11-04T08:00:00Z"),
            session("ana", None, "Ops", "2026-11-04T09:00:00Z"),
            session("x", Some("u-1"), "Admin", "2026-11-08T10:00:00Z"),
        ];
        let elsewhere = [session("ana", Some("u-1"), "Ops", "2026-11-06T10:00:00Z")];
        let others = [
            session("ana", Some("u-2"), "Admin", "2026-11-06T10:00:00Z"),
            session("ana", None, "Read", "2026-11-06T10:00:00Z"),
            session("bob", None, "Admin", "2026-11-06T10:00:00Z"),
            session("ana", None, "Admin", "2026-11-02T10:00:00Z"),
        ];
        let used_on = |days| StandingUse::Used {
            days,
            last: "2026-11-08T10:00:00Z".parse().unwrap(),
        };
        let rows: Vec<(&str, Vec<AccountActivity>, StandingUse)> = vec![
            ("nobody", vec![quiet()], StandingUse::Never),
            (
                "two whole accounts",
                vec![quiet(), quiet()],
                StandingUse::Never,
            ),
            (
                "a day is missing",
                vec![quiet(), gap.clone()],
                StandingUse::NotKnown,
            ),
            (
                "it begins later",
                vec![account(4..=9, &[])],
                StandingUse::NotKnown,
            ),
            (
                "it ends earlier",
                vec![account(3..=8, &[])],
                StandingUse::NotKnown,
            ),
            (
                "no log",
                vec![AccountActivity::default()],
                StandingUse::NotKnown,
            ),
            (
                "two days, one of them twice",
                vec![account(3..=9, &used)],
                used_on(2),
            ),
            (
                "in either account, whatever is missing",
                vec![gap, account(3..=9, &used), account(6..=6, &elsewhere)],
                used_on(3),
            ),
            (
                "others, other sets, other days",
                vec![account(2..=9, &others)],
                StandingUse::Never,
            ),
        ];
        for (name, accounts, wanted) in rows {
            assert_eq!(standing_use(&window, accounts.iter()), wanted, "{name}");
            assert_eq!(last_use(&window, &accounts), last_of(wanted), "{name}");
        }
    }
}
