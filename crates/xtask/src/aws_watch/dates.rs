//! Calendar days, for ages.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

const SECONDS_A_DAY: u64 = 86_400;

/// Counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(i64);

impl Day {
    /// Returns today (UTC).
    #[expect(
        clippy::disallowed_methods,
        reason = "a task for people: the age of a fact is counted from the day on which it is run"
    )]
    pub(crate) fn today() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let days = since.map_or(0, |it| it.as_secs() / SECONDS_A_DAY);
        Self(i64::try_from(days).unwrap_or_default())
    }

    /// Parses `YYYY-MM-DD`; `None` for an invalid date.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let [year, month, day] = parts.as_slice() else {
            return None;
        };
        if (year.len(), month.len(), day.len()) != (4, 2, 2) {
            return None;
        }
        let number = |it: &str| it.parse::<u16>().ok().map(i64::from);
        let (year, month, day) = (number(year)?, number(month)?, number(day)?);
        let found = Self::of(year, month, day);
        // an invalid date, such as 30 February, becomes another
        (found.to_string() == text).then_some(found)
    }

    /// Years begin in March, so that a leap day is a year's last (the proleptic Gregorian calendar
    /// of ISO 8601).
    fn of(year: i64, month: i64, day: i64) -> Self {
        let year = if month <= 2 { year - 1 } else { year };
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
        Self(era * 146_097 + days - 719_468)
    }

    /// Returns the days between; 0 if `earlier` is later.
    pub(crate) fn days_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0 - earlier.0).unwrap_or_default()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0 + 719_468;
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year + era * 400 + i64::from(month <= 2);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_written_and_counted() {
        let day = |text: &str| Day::read(text).unwrap();
        assert_eq!(day("1970-01-01"), Day(0));
        assert_eq!(day("2000-03-01"), Day(11_017));
        for text in [
            "1970-01-01",
            "2024-02-29",
            "2026-11-25",
            "2026-12-31",
            "2027-01-01",
        ] {
            assert_eq!(day(text).to_string(), text);
        }
        assert_eq!(day("2026-03-01").days_since(day("2026-02-28")), 1);
        assert_eq!(day("2024-03-01").days_since(day("2024-02-28")), 2);
        assert_eq!(day("2026-11-25").days_since(day("2025-11-25")), 365);
        assert_eq!(day("2026-01-01").days_since(day("2026-01-02")), 0);
        assert!(Day::today() > day("2026-01-01"));
    }

    #[test]
    fn what_is_no_day_is_not_read() {
        for text in [
            "",
            "2026",
            "2026-2-03",
            "2026-02-30",
            "2026-13-01",
            "2026-00-10",
            "2026-01-00",
            "x026-01-01",
            "2026-01-01-01",
        ] {
            assert_eq!(Day::read(text), None, "{text}");
        }
    }
}
