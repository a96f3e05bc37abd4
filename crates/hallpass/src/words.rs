//! Times, lengths of time and states in words.

use hallpass_api::Queue;
use hallpass_model::{TimeSpan, Timestamp};
use jiff::tz::TimeZone;

/// The badge words of `ui.md` §5. A state we do not know is shown as it is.
pub(crate) fn badge(state: &str) -> &str {
    match state {
        "pending" => "Waiting",
        "approved" => "Approved",
        "scheduled" => "Queued",
        "granting" => "Setting up",
        "active" => "Active",
        "ending" => "Ending",
        "ended" => "Ended",
        "denied" => "Denied",
        "discarded" => "Discarded",
        "expired" => "Lapsed",
        "rejected" => "Not possible",
        "failed" => "Failed",
        other => other,
    }
}

/// `12 before it, about 2m`.
pub(crate) fn in_line(queue: &Queue) -> String {
    // to the next ten seconds: more would be pretence
    let about = TimeSpan::seconds(queue.seconds.div_ceil(10).max(1) * 10);
    match queue.before {
        0 => format!("next in line, about {about}"),
        before => format!("{before} before it, about {about}"),
    }
}

/// `17:31 CET`; on another day `Sat 02:10 CET`; further away `2026-03-09 02:10 CET`.
pub(crate) fn clock_time(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (shown, today) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let days = (shown.date() - today.date()).get_days();
    let format = match days {
        0 => "%H:%M %Z",
        -6..=6 => "%a %H:%M %Z",
        _ => "%Y-%m-%d %H:%M %Z",
    };
    shown.strftime(format).to_string()
}

/// `2h 11m`; under an hour `9m`; under five minutes `4:59`.
pub(crate) fn countdown(left: TimeSpan) -> String {
    let seconds = left.as_seconds();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match seconds {
        0..300 => format!("{}:{:02}", seconds / 60, seconds % 60),
        300..3600 => format!("{minutes}m"),
        3600..86_400 => format!("{hours}h {minutes:02}m"),
        _ => format!("{}d {}h", seconds / 86_400, hours % 24),
    }
}

/// `Ends 17:31 CET, in 2h 11m`, or since when it is late.
pub(crate) fn ends(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let time = clock_time(at, now, zone);
    if at > now {
        format!("Ends {time}, in {}", countdown(TimeSpan::between(now, at)))
    } else {
        let late = TimeSpan::between(at, now);
        format!("Due {time}, late by {}", countdown(late))
    }
}

/// `Priya Raman`, `Priya Raman or Jonas Beck`, `a, b or c`, `a, b, c or 4 more`.
pub(crate) fn any_of(names: &[String]) -> String {
    const SHOWN: usize = 3;
    match names {
        [] => "nobody".to_owned(),
        [one] => one.clone(),
        [first @ .., last] if names.len() <= SHOWN => format!("{} or {last}", first.join(", ")),
        _ => {
            let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
            format!("{} or {} more", shown.join(", "), names.len() - SHOWN)
        }
    }
}

/// `1 grant`, `2 grants`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// The zone people are in, by the system or `TZ`; UTC when neither says.
pub(crate) fn zone() -> TimeZone {
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
            (0, 0, "next in line, about 10s"),
            (1, 11, "1 before it, about 20s"),
            (12, 119, "12 before it, about 2m"),
        ] {
            assert_eq!(in_line(&Queue { before, seconds }), words);
        }
    }

    #[test]
    fn times_name_their_zone_and_another_day() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let now = at("2026-03-06T14:20:00Z");
        for (time, text) in [
            ("2026-03-06T16:31:00Z", "17:31 +01"),
            ("2026-03-07T01:10:00Z", "Sat 02:10 +01"),
            ("2026-03-20T01:10:00Z", "2026-03-20 02:10 +01"),
        ] {
            assert_eq!(clock_time(at(time), now, &zone), text);
        }
        let end = at("2026-03-06T16:31:00Z");
        assert_eq!(ends(end, now, &zone), "Ends 17:31 +01, in 2h 11m");
        assert_eq!(
            ends(end, at("2026-03-06T16:31:40Z"), &zone),
            "Due 17:31 +01, late by 0:40"
        );
    }

    #[test]
    fn countdowns_get_finer_towards_the_end() {
        for (seconds, text) in [
            (0, "0:00"),
            (299, "4:59"),
            (300, "5m"),
            (3599, "59m"),
            (3600, "1h 00m"),
            (7860, "2h 11m"),
            (90_000, "1d 1h"),
        ] {
            assert_eq!(countdown(TimeSpan::seconds(seconds)), text);
        }
    }

    #[test]
    fn people_are_listed_as_said() {
        let names = |n: usize| (1..=n).map(|i| format!("p{i}")).collect::<Vec<_>>();
        for (number, text) in [
            (0, "nobody"),
            (1, "p1"),
            (2, "p1 or p2"),
            (3, "p1, p2 or p3"),
            (5, "p1, p2, p3 or 2 more"),
        ] {
            assert_eq!(any_of(&names(number)), text);
        }
        assert_eq!(count(1, "grant"), "1 grant");
        assert_eq!(count(0, "grant"), "0 grants");
    }
}
