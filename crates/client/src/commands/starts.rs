use hallpass_base::{TimeSpan, Timestamp, time};
use hallpass_terminal::exit::Failure;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Parses RFC 3339 (without an offset: in the zone), a time of today or tomorrow in the zone, or
/// `+` and a duration from now.
pub fn read(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, Failure> {
    let text = text.trim();
    let whole_seconds = |at: Timestamp| Timestamp::from_second(at.as_second()).ok();
    let found = found(text, now, zone).and_then(whole_seconds);
    found.ok_or_else(|| {
        Failure::bad_input(format!("`{text}` says no start")).help(
            "write `2026-11-22T08:00`, `2026-11-22T08:00Z`, `tomorrow 08:00`, `08:00` or `+2h`",
        )
    })
}

fn found(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    if let Some(span) = text.strip_prefix('+') {
        return Some(span.trim().parse::<TimeSpan>().ok()?.after(now));
    }
    if let Ok(at) = time::instant(text) {
        return Some(at);
    }
    let here = |at: DateTime| Some(at.to_zoned(zone.clone()).ok()?.timestamp());
    if let Ok(at) = time::local(text) {
        return here(at);
    }
    let today = now.to_zoned(zone.clone()).date();
    let (day, time) = match text.split_once(' ') {
        Some(("today", time)) => (today, time),
        Some(("tomorrow", time)) => (today.tomorrow().ok()?, time),
        Some(_) => return None,
        None => (today, text),
    };
    here(day.to_datetime(time::time_of_day(time.trim()).ok()?))
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
            ("2026-12-05T18:03", Some("2026-12-05T17:03:00Z")),
            ("2026-12-05 18:03:00", Some("2026-12-05T17:03:00Z")),
            ("2026-12-05T18:03[UTC]", None),
            ("2026-12-05T18:03+01:00[UTC]", None),
            ("tomorrow 2026-12-05T18:03", None),
            ("today 18:03Z", None),
            ("18:03+02:00", None),
            ("2026-12-05", None),
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
