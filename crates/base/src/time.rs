//! Formats instants for readers with unknown zones, and parses times strictly.
//!
//! `jiff` reads a day from an instant, a time from a date with time, and ignores zone names. Here
//! the whole text must match.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct TimeError {
    text: String,
    expected: &'static str,
}

fn whole<T: std::str::FromStr>(
    text: &str,
    expected: &'static str,
    has_form: bool,
) -> Result<T, TimeError> {
    let read = text.parse().ok().filter(|_| has_form);
    read.ok_or_else(|| TimeError {
        text: text.to_owned(),
        expected,
    })
}

/// Parses a day: `2026-11-22`.
///
/// # Errors
/// Any other form, also an instant.
pub fn day(text: &str) -> Result<Date, TimeError> {
    let has_form = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    whole(text, "a day such as 2026-11-22", has_form)
}

/// Parses a time: `08:00` or `08:00:30`.
///
/// # Errors
/// Any other form, also with a day or a zone.
pub fn time_of_day(text: &str) -> Result<Time, TimeError> {
    let has_form = matches!(text.len(), 5 | 8)
        && text.bytes().enumerate().all(|(at, b)| match at {
            2 | 5 => b == b':',
            _ => b.is_ascii_digit(),
        });
    whole(text, "a time such as 08:00", has_form)
}

/// Parses a day and time without a zone: `2026-11-22T08:00` or `2026-11-22 08:00:30`.
///
/// # Errors
/// Any other form, also with a zone.
pub fn local(text: &str) -> Result<DateTime, TimeError> {
    let expected = "a day and a time such as 2026-11-22T08:00";
    let parts = text.split_once(['T', ' ']);
    let read = parts.and_then(|(date, time)| {
        Some(DateTime::from_parts(
            day(date).ok()?,
            time_of_day(time).ok()?,
        ))
    });
    read.ok_or_else(|| TimeError {
        text: text.to_owned(),
        expected,
    })
}

/// Parses an RFC 3339 instant: `2026-11-22T08:00Z` or `2026-11-22T08:00:00+01:00`.
///
/// # Errors
/// Any other form, also with a zone name (`[Europe/Berlin]`).
pub fn instant(text: &str) -> Result<Timestamp, TimeError> {
    let expected = "an instant such as 2026-11-22T08:00Z, with its zone";
    whole(text, expected, !text.contains('['))
}

/// For `deserialize_with`.
///
/// # Errors
/// As [`day`].
pub fn day_of_file<'de, D: Deserializer<'de>>(from: D) -> Result<Date, D::Error> {
    let text = String::deserialize(from)?;
    day(&text).map_err(D::Error::custom)
}

/// As [`day_of_file`], optional.
///
/// # Errors
/// As [`day`].
pub fn maybe_day_of_file<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Date>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    let day = text.map(|text| day(&text));
    day.transpose().map_err(D::Error::custom)
}

/// `2026-03-09 02:10 UTC`.
pub fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// `2026-03-09 02:10:07 UTC`.
pub fn utc_seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_whole_or_refused() {
        for (text, read) in [
            ("2026-11-22", "day"),
            ("08:00", "time"),
            ("08:00:30", "time"),
            ("2026-11-22T08:00", "local"),
            ("2026-11-22 08:00:30", "local"),
            ("2026-11-22T08:00Z", "instant"),
            ("2026-11-22T08:00:00.5+01:00", "instant"),
            ("2026-11-22T08:00+01:00[Europe/Berlin]", ""),
            ("2026-11-22T08:00[UTC]", ""),
            ("2026-11-22T08:00[Europe/Berlin]", ""),
            ("2026-11-22T", ""),
            ("20261122", ""),
            ("2026-11-32", ""),
            ("25:00", ""),
            ("08:00Z", ""),
            ("08:00+01:00", ""),
            ("T08:00", ""),
            ("0800", ""),
            ("8", ""),
            (" 08:00", ""),
            ("", ""),
        ] {
            let readers = [
                ("day", day(text).is_ok()),
                ("time", time_of_day(text).is_ok()),
                ("local", local(text).is_ok()),
                ("instant", instant(text).is_ok()),
            ];
            for (reader, is_read) in readers {
                assert_eq!(is_read, reader == read, "{text} as {reader}");
            }
        }
    }

    #[test]
    fn instants_are_told_to_the_minute_or_the_second() {
        let at: Timestamp = "2026-03-09T02:10:07Z".parse().unwrap();
        assert_eq!(utc(at), "2026-03-09 02:10 UTC");
        assert_eq!(utc_seconds(at), "2026-03-09 02:10:07 UTC");
    }
}
