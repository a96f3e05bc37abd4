//! The request context, and parsing of text as number, date, address and so on (`policies.md`
//! §2.4).

use std::net::IpAddr;

use serde_json::Value;

use super::text_of;

pub(super) struct Values {
    pub(super) many: bool,
    pub(super) texts: Vec<String>,
}

/// Keys in lower case; a key with an empty list counts as absent.
pub(super) struct Context(Vec<(String, Values)>);

impl Context {
    pub(super) fn of(case: &Value) -> Self {
        let mut keys = Vec::new();
        for (key, value) in case
            .get("context")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let many = value.is_array();
            let texts: Vec<String> = super::many(value).into_iter().filter_map(text_of).collect();
            if !texts.is_empty() {
                keys.push((key.to_lowercase(), Values { many, texts }));
            }
        }
        Self(keys)
    }

    pub(super) fn get(&self, key: &str) -> Option<&Values> {
        let key = key.to_lowercase();
        self.0
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, values)| values)
    }
}

/// Approximate Unicode simple case folding: to the upper and then to the lower case letter, if both
/// are one character. The dotless i folds to itself.
pub(super) fn fold(text: &str) -> String {
    fn single(mut chars: impl Iterator<Item = char>) -> Option<char> {
        let first = chars.next();
        if chars.next().is_none() { first } else { None }
    }
    text.chars()
        .map(|c| {
            if c == 'ı' {
                return c;
            }
            let upper = single(c.to_uppercase()).unwrap_or(c);
            single(upper.to_lowercase()).unwrap_or(upper)
        })
        .collect()
}

/// A decimal number as (negative, whole digits, fraction digits) without redundant zeros.
pub(super) fn number(text: &str) -> Option<(bool, String, String)> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((_, "")) => return None,
        Some(both) => both,
        None => (digits, ""),
    };
    let all = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !all(whole) || !all(fraction) {
        return None;
    }
    let whole = whole.trim_start_matches('0').to_owned();
    let fraction = fraction.trim_end_matches('0').to_owned();
    let zero = whole.is_empty() && fraction.is_empty();
    Some((negative && !zero, whole, fraction))
}

pub(super) fn compare(
    a: &(bool, String, String),
    b: &(bool, String, String),
) -> std::cmp::Ordering {
    let size = |x: &(bool, String, String), y: &(bool, String, String)| {
        (x.1.len().cmp(&y.1.len()))
            .then_with(|| x.1.cmp(&y.1))
            .then_with(|| x.2.cmp(&y.2))
    };
    match (a.0, b.0) {
        (false, true) => std::cmp::Ordering::Greater,
        (true, false) => std::cmp::Ordering::Less,
        (false, false) => size(a, b),
        (true, true) => size(b, a),
    }
}

/// Milliseconds since 1970 of an ISO 8601 date or an epoch.
pub(super) fn date(text: &str) -> Option<i128> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        let epoch: i128 = text.parse().ok()?;
        return Some(if text.len() == 13 {
            epoch
        } else {
            epoch * 1000
        });
    }
    let (day, time) = match text.split_once('T') {
        Some((day, time)) if day.len() == 10 => (day, time),
        Some(_) => return None,
        None => (text, ""),
    };
    let pieces: Vec<&str> = day.split('-').collect();
    let (year, month, day_of_month) = match pieces[..] {
        [y, m] => (two(y, 4)?, two(m, 2)?, 1),
        [y, m, d] => (two(y, 4)?, two(m, 2)?, two(d, 2)?),
        _ => return None,
    };
    let days = days_before(year, month, day_of_month)?;
    let millis = if text.contains('T') { clock(time)? } else { 0 };
    Some(days * 86_400_000 + millis)
}

fn two(text: &str, width: usize) -> Option<i128> {
    let fits = text.len() == width && text.bytes().all(|b| b.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

fn days_before(year: i128, month: i128, day: i128) -> Option<i128> {
    let leap = |y: i128| y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    let length = |y: i128, m: i128| match m {
        2 => 28 + i128::from(leap(y)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1..=12).contains(&month) || day < 1 || day > length(year, month) {
        return None;
    }
    let years: i128 = if year >= 1970 {
        (1970..year).map(|y| 365 + i128::from(leap(y))).sum()
    } else {
        -(year..1970)
            .map(|y| 365 + i128::from(leap(y)))
            .sum::<i128>()
    };
    let months: i128 = (1..month).map(|m| length(year, m)).sum();
    Some(years + months + day - 1)
}

fn clock(text: &str) -> Option<i128> {
    let (time, offset) = if let Some(time) = text.strip_suffix('Z') {
        (time, 0)
    } else {
        let at = text.rfind(['+', '-'])?;
        let sign = if text[at..].starts_with('-') { -1 } else { 1 };
        let (hours, minutes) = text[at + 1..].split_once(':')?;
        (&text[..at], sign * (two(hours, 2)? * 60 + two(minutes, 2)?))
    };
    let (time, millis) = match time.split_once('.') {
        Some((time, fraction)) => (time, two(fraction, 3)?),
        None => (time, 0),
    };
    let pieces: Vec<&str> = time.split(':').collect();
    let (hour, minute, second) = match pieces[..] {
        [h, m] if !text.contains('.') => (two(h, 2)?, two(m, 2)?, 0),
        [h, m, s] => (two(h, 2)?, two(m, 2)?, two(s, 2)?),
        _ => return None,
    };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(((hour * 60 + minute - offset) * 60 + second) * 1000 + millis)
}

fn bits(text: &str) -> Option<String> {
    Some(match text.parse::<IpAddr>().ok()? {
        IpAddr::V4(v4) => eights(&v4.octets()),
        IpAddr::V6(v6) => eights(&v6.octets()),
    })
}

fn eights(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    digits.concat()
}

pub(super) fn in_range(range: &str, address: &str) -> Option<bool> {
    let address = bits(address);
    let (base, length) = match range.split_once('/') {
        Some((base, length)) => (bits(base)?, length.parse::<usize>().ok()?),
        None => (bits(range)?, bits(range)?.len()),
    };
    if length > base.len() {
        return None;
    }
    let address = address?;
    Some(address.len() == base.len() && address[..length] == base[..length])
}

pub(super) fn base64(text: &str) -> Option<String> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let body = text.trim_end_matches('=');
    let padding = text.len() - body.len();
    if padding > 2 {
        return None;
    }
    let mut out = String::new();
    for c in body.chars() {
        let six = format!("{:06b}", DIGITS.find(c)?);
        out.push_str(&six);
    }
    let tail = out.split_off(out.len() - out.len() % 8);
    tail.bytes().all(|b| b == b'0').then_some(out)
}
