//! Formats instants and durations for people.

use hallpass_base::{TimeSpan, Timestamp};
use jiff::tz::TimeZone;

pub use hallpass_base::time::utc;

/// `17:31 CET`; on another day than `seen_from`, `Sat 02:10 CET`; further away `2026-03-09 02:10
/// CET`.
pub fn clock(at: Timestamp, seen_from: Timestamp, zone: &TimeZone) -> String {
    let (shown, from) = (at.to_zoned(zone.clone()), seen_from.to_zoned(zone.clone()));
    let format = match (shown.date() - from.date()).get_days() {
        0 => "%H:%M %Z",
        -6..=6 => "%a %H:%M %Z",
        _ => "%Y-%m-%d %H:%M %Z",
    };
    shown.strftime(format).to_string()
}

/// Formats a countdown: `2h 11m`, `9m`, in the last five minutes `4:59` (`ui.md` §5).
pub fn countdown(left: TimeSpan) -> String {
    let seconds = left.as_seconds();
    match seconds {
        0..300 => format!("{}:{:02}", seconds / 60, seconds % 60),
        300..3600 => format!("{}m", seconds / 60),
        _ => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Rounds up to whole minutes: remaining time.
#[must_use]
pub fn minutes_begun(span: TimeSpan) -> TimeSpan {
    TimeSpan::minutes(span.as_seconds().div_ceil(60))
}

/// Rounds down to whole minutes, except below one: passed time.
#[must_use]
pub fn minutes_passed(span: TimeSpan) -> TimeSpan {
    match span.as_seconds() {
        seconds @ 0..60 => TimeSpan::seconds(seconds),
        seconds => TimeSpan::minutes(seconds / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_name_their_zone_and_another_day() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let now: Timestamp = "2026-03-06T14:20:00Z".parse().unwrap();
        for (at, text) in [
            ("2026-03-06T16:31:00Z", "17:31 +01"),
            ("2026-03-07T01:10:00Z", "Sat 02:10 +01"),
            ("2026-03-20T01:10:00Z", "2026-03-20 02:10 +01"),
        ] {
            assert_eq!(clock(at.parse().unwrap(), now, &zone), text);
        }
    }

    #[test]
    fn countdowns_get_finer_towards_the_end() {
        for (seconds, text) in [
            (0, "0:00"),
            (299, "4:59"),
            (300, "5m"),
            (3599, "59m"),
            (3600, "1h 0m"),
            (7869, "2h 11m"),
            (90_000, "25h 0m"),
        ] {
            assert_eq!(countdown(TimeSpan::seconds(seconds)), text);
        }
    }

    #[test]
    fn minutes_are_whole() {
        for (seconds, begun, passed) in [
            (0, "0s", "0s"),
            (59, "1m", "59s"),
            (61, "2m", "1m"),
            (3_660, "1h 1m", "1h 1m"),
        ] {
            let span = TimeSpan::seconds(seconds);
            assert_eq!(minutes_begun(span).to_string(), begun);
            assert_eq!(minutes_passed(span).to_string(), passed);
        }
    }
}
