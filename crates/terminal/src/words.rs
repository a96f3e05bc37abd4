//! Command-line texts for times and queue positions.

use hallpass_api::Queue;
use hallpass_base::{TimeSpan, Timestamp};
use hallpass_channels::wording::{line, time};
use jiff::tz::TimeZone;

/// `12 others are set up before it: about 2m`.
pub fn in_line(queue: &Queue) -> String {
    // to the next ten seconds: more would be false precision
    let about = TimeSpan::seconds(queue.seconds.div_ceil(10).max(1) * 10);
    line::place(queue.before, &format!("about {about}"))
}

/// `Ends 17:31 CET, in 2h 11m`, or since when it is late.
pub fn ends(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let time = time::clock(at, now, zone);
    if at > now {
        format!(
            "Ends {time}, in {}",
            time::countdown(TimeSpan::between(now, at))
        )
    } else {
        let late = TimeSpan::between(at, now);
        format!("Due {time}, late by {}", time::countdown(late))
    }
}

/// Returns the zone from the system or `TZ`; by default UTC.
pub fn zone() -> TimeZone {
    TimeZone::try_system().unwrap_or(TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_place_in_line_says_how_many_and_how_long() {
        for (before, seconds, words) in [
            (0, 0, "next in line: about 10s"),
            (1, 11, "1 other is set up before it: about 20s"),
            (12, 119, "12 others are set up before it: about 2m"),
        ] {
            assert_eq!(in_line(&Queue { before, seconds }), words);
        }
    }

    #[test]
    fn an_end_says_how_far_it_is() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let now = at("2026-03-06T14:20:00Z");
        let end = at("2026-03-06T16:31:00Z");
        assert_eq!(ends(end, now, &zone), "Ends 17:31 +01, in 2h 11m");
        assert_eq!(
            ends(end, at("2026-03-06T16:31:40Z"), &zone),
            "Due 17:31 +01, late by 0:40"
        );
    }
}
