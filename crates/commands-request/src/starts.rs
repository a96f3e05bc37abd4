//! When access is to begin, as people write it.

use hallpass_model::{TimeSpan, Timestamp};
use hallpass_terminal::exit::Failure;
use jiff::civil::Time;
use jiff::tz::TimeZone;

/// Reads an instant: as RFC 3339 has it, a time of today or tomorrow in the zone, or `+` and how long from now.
///
/// # Errors
/// When it is none of these.
pub fn read(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, Failure> {
    let text = text.trim();
    let whole_seconds = |at: Timestamp| Timestamp::from_second(at.as_second()).ok();
    let found = found(text, now, zone).and_then(whole_seconds);
    found.ok_or_else(|| {
        Failure::bad_input(format!("`{text}` says no start"))
            .help("write `2026-11-22T08:00Z`, `tomorrow 08:00`, `08:00` or `+2h`")
    })
}

fn found(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    if let Some(span) = text.strip_prefix('+') {
        return Some(span.trim().parse::<TimeSpan>().ok()?.after(now));
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let today = now.to_zoned(zone.clone()).date();
    let (day, time) = match text.split_once(' ') {
        Some(("today", time)) => (today, time),
        Some(("tomorrow", time)) => (today.tomorrow().ok()?, time),
        Some(_) => return None,
        None => (today, text),
    };
    let time: Time = time.trim().parse().ok()?;
    let at = day
        .to_datetime(time)
        .to_zoned(zone.clone())
        .ok()?
        .timestamp();
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_read_as_people_write_them() {
        let now: Timestamp = "2026-11-21T20:30:00.123456789Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        for (text, at) in [
            ("2026-11-22T08:00Z", Some("2026-11-22T08:00:00Z")),
            ("2026-11-22T08:00:30+01:00", Some("2026-11-22T07:00:30Z")),
            ("+2h", Some("2026-11-21T22:30:00Z")),
            ("+ 90m", Some("2026-11-21T22:00:00Z")),
            ("tomorrow 08:00", Some("2026-11-22T07:00:00Z")),
            (" today 23:15 ", Some("2026-11-21T22:15:00Z")),
            ("23:15", Some("2026-11-21T22:15:00Z")),
            ("yesterday 08:00", None),
            ("tomorrow", None),
            ("+", None),
            ("+soon", None),
            ("", None),
            ("8", None),
        ] {
            let at = at.map(|at| at.parse::<Timestamp>().unwrap());
            assert_eq!(read(text, now, &zone).ok(), at, "{text}");
        }
    }
}
