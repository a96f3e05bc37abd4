//! Request hours: weekdays and times in a time zone.

use std::fmt;

use hallpass_base::Timestamp;
use jiff::{
    ToSpan as _,
    civil::{Date, Time, Weekday, date},
    tz::TimeZone,
};

#[derive(Debug, Clone)]
pub(crate) struct Hours {
    /// Days on which a window starts, Monday first.
    pub(crate) days: [bool; 7],
    pub(crate) from: Time,
    /// Exclusive. If not after `from`, the window ends on the next day.
    pub(crate) to: Time,
    pub(crate) zone: TimeZone,
    pub(crate) name: String,
    pub(crate) written: String,
}

impl Hours {
    pub(crate) fn contains(&self, now: Timestamp) -> bool {
        let local = now.to_zoned(self.zone.clone());
        let (time, today) = (local.time(), local.weekday());
        if self.from < self.to {
            return self.begins_on(today) && self.from <= time && time < self.to;
        }
        (self.begins_on(today) && time >= self.from)
            || (self.begins_on(today.previous()) && time < self.to)
    }

    /// Returns possible window starts from `now` to `last`: its clock times, both instants of a
    /// repeated time, and clock changes.
    pub(crate) fn may_begin(&self, now: Timestamp, last: Timestamp) -> Vec<Timestamp> {
        let days = now.to_zoned(self.zone.clone()).date().series(1.day());
        let begins = days.take_while(|day| {
            let midnight = day.to_zoned(self.zone.clone());
            midnight.is_ok_and(|midnight| midnight.timestamp() <= last)
        });
        let begins = begins.flat_map(|day| {
            let shown = day.to_datetime(self.from);
            let instants = self.zone.to_ambiguous_zoned(shown);
            let both = [instants.clone().earlier(), instants.later()];
            both.into_iter().flatten().map(|at| at.timestamp())
        });
        let puts = self.zone.following(now).map(|put| put.timestamp());
        let puts = puts.take_while(|at| *at <= last);
        { begins.chain(puts) }
            .filter(|at| (now..=last).contains(at))
            .collect()
    }

    /// Returns whether windows never overlap: none starts within the other. Checks winter and
    /// summer, because zones may change on different days.
    pub(crate) fn never_meet(&self, other: &Self) -> bool {
        const MONDAYS: [Date; 2] = [date(2026, 1, 5), date(2026, 7, 6)];
        !{ MONDAYS.into_iter() }
            .any(|monday| self.begins_within(other, monday) || other.begins_within(self, monday))
    }

    fn begins_within(&self, other: &Self, monday: Date) -> bool {
        let mut week = monday.series(1.day()).take(7);
        week.any(|day| {
            let begins = day.to_datetime(self.from).to_zoned(self.zone.clone());
            self.begins_on(day.weekday()) && begins.is_ok_and(|at| other.contains(at.timestamp()))
        })
    }

    fn begins_on(&self, day: Weekday) -> bool {
        usize::try_from(day.to_monday_zero_offset())
            .ok()
            .and_then(|i| self.days.get(i).copied())
            .unwrap_or(false)
    }
}

impl PartialEq for Hours {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Hours {}

impl std::hash::Hash for Hours {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.written.hash(state);
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        if self.days != [true; 7] {
            let days = NAMES
                .iter()
                .zip(self.days)
                .filter(|(_, on)| *on)
                .map(|(name, _)| *name);
            write!(f, "{} ", days.collect::<Vec<_>>().join(", "))?;
        }
        let (from, to) = (self.from, self.to);
        write!(
            f,
            "{:02}:{:02}–{:02}:{:02} {}",
            from.hour(),
            from.minute(),
            to.hour(),
            to.minute(),
            self.name
        )
    }
}
