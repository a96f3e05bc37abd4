//! Condition value types: numbers, dates, booleans, bytes, addresses, ARNs.

use std::cmp::Ordering;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Arbitrary length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    whole: Box<str>,
    fraction: Box<str>,
}

impl Decimal {
    /// Optional sign and fraction; no exponent.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return None,
            Some(split) => split,
            None => (digits, ""),
        };
        let numeric = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !numeric(whole) || !numeric(fraction) {
            return None;
        }
        let whole: Box<str> = whole.trim_start_matches('0').into();
        let fraction: Box<str> = fraction.trim_end_matches('0').into();
        Some(Self {
            negative: negative && !(whole.is_empty() && fraction.is_empty()),
            whole,
            fraction,
        })
    }

    fn magnitude(&self, other: &Self) -> Ordering {
        (self.whole.len(), &self.whole, &self.fraction).cmp(&(
            other.whole.len(),
            &other.whole,
            &other.fraction,
        ))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.magnitude(other),
            (true, true) => other.magnitude(self),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Milliseconds since 1970: an ISO 8601 date (`YYYY-MM`, `YYYY-MM-DD`, `YYYY-MM-DDTHH:MM[:SS[.f]]`
/// with `Z` or an offset), or epoch seconds (thirteen digits: milliseconds).
pub(crate) fn date(text: &str) -> Option<i64> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: i64 = text.parse().ok()?;
        return if text.len() == 13 {
            Some(number)
        } else {
            number.checked_mul(1000)
        };
    }
    let (day, time) = match text.split_once('T') {
        Some((day, time)) => (day, Some(time)),
        None => (text, None),
    };
    let year = number(day, 0, 4)?;
    let (month, date) = match day.len() {
        7 if time.is_none() => (number(day, 5, 7)?, 1),
        10 => (number(day, 5, 7)?, number(day, 8, 10)?),
        _ => return None,
    };
    let dashes = day.bytes().enumerate().all(|(at, byte)| {
        let dash = at == 4 || at == 7;
        dash == (byte == b'-')
    });
    if !dashes {
        return None;
    }
    let day = jiff::civil::Date::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(date).ok()?,
    )
    .ok()?;
    // counted in days: jiff timestamps end a day before the year 9999 does, which policies use for
    // "never"
    let since = day.duration_since(jiff::civil::date(1970, 1, 1));
    let midnight = i64::try_from(since.as_millis()).ok()?;
    match time {
        None => Some(midnight),
        Some(time) => Some(midnight + time_of_day(time)?),
    }
}

/// Milliseconds since midnight of the day in UTC.
fn time_of_day(text: &str) -> Option<i64> {
    let (clock, offset) = if let Some(clock) = text.strip_suffix('Z') {
        (clock, 0)
    } else {
        let at = text.len().checked_sub(6)?;
        let (clock, offset) = text.split_at_checked(at)?;
        let sign = match offset.as_bytes().first() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return None,
        };
        if offset.as_bytes().get(3) != Some(&b':') {
            return None;
        }
        let (hours, minutes) = (number(offset, 1, 3)?, number(offset, 4, 6)?);
        if hours > 23 || minutes > 59 {
            return None;
        }
        (clock, sign * (hours * 60 + minutes) * 60_000)
    };
    let bytes = clock.as_bytes();
    let (hours, minutes) = (number(clock, 0, 2)?, number(clock, 3, 5)?);
    if bytes.get(2) != Some(&b':') || hours > 23 || minutes > 59 {
        return None;
    }
    let mut milliseconds = (hours * 60 + minutes) * 60_000;
    match clock.get(5..)? {
        "" => {}
        rest => {
            let seconds = number(rest, 1, 3)?;
            if !rest.starts_with(':') || seconds > 59 {
                return None;
            }
            milliseconds += seconds * 1000;
            match rest.get(3..)? {
                "" => {}
                fraction => milliseconds += thousandths(fraction)?,
            }
        }
    }
    Some(milliseconds - offset)
}

/// `.5` → 500; truncates after three digits.
fn thousandths(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('.')?;
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    let padded = format!("{digits:0<3}");
    if !padded.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    number(&padded, 0, 3)
}

fn number(text: &str, start: usize, end: usize) -> Option<i64> {
    let digits = text.get(start..end)?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse().ok())?
}

/// `true` or `false`, in any case.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// Base64 (RFC 4648 §4).
pub(crate) fn bytes(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NetworkRange {
    network: IpAddr,
    prefix: u32,
}

impl NetworkRange {
    /// An address or a CIDR; ignores host bits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            None => (text, None),
            Some((address, prefix)) => {
                let digits = !prefix.is_empty() && prefix.bytes().all(|it| it.is_ascii_digit());
                (address, Some(digits.then(|| prefix.parse().ok())??))
            }
        };
        let network: IpAddr = address.parse().ok()?;
        let longest = if network.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(longest);
        (prefix <= longest).then_some(Self { network, prefix })
    }

    /// Address families never match each other.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differs = network.to_bits() ^ address.to_bits();
                differs.checked_shr(32 - self.prefix).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differs = network.to_bits() ^ address.to_bits();
                differs.checked_shr(128 - self.prefix).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// Unicode simple case folding (C and S of `CaseFolding.txt`), through upper case.
pub(crate) fn folded(text: &str) -> String {
    fn single(mut mapped: impl Iterator<Item = char>) -> Option<char> {
        let first = mapped.next();
        if mapped.next().is_some() { None } else { first }
    }
    text.chars()
        .map(|character| {
            // the dotless i folds to itself
            if character == 'ı' {
                return character;
            }
            let upper = single(character.to_uppercase()).unwrap_or(character);
            single(upper.to_lowercase()).unwrap_or(upper)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Decimal, NetworkRange, date, folded};

    #[test]
    fn numbers_compare_as_decimals() {
        let number = |text| Decimal::parse(text);
        assert!(number("10") < number("10.5"));
        assert!(number("9") < number("10"));
        assert!(number("-2") < number("-1.5"));
        assert_eq!(number("-0"), number("0.00"));
        assert_eq!(number("+007"), number("7.0"));
        for bad in ["", "ten", "1e3", "1.", ".5", "--1", " 1"] {
            assert_eq!(number(bad), None, "{bad}");
        }
    }

    #[test]
    fn dates_are_read_to_the_millisecond() {
        assert_eq!(date("2025-01-01T00:00:00Z"), Some(1_735_689_600_000));
        assert_eq!(date("2025-01-01"), date("2025-01"));
        assert_eq!(date("1735689600"), date("1735689600000"));
        assert_eq!(date("2025-01-01T01:30+01:30"), date("2025-01"));
        assert_eq!(date("2025-01-01T00:00:00.25Z"), Some(1_735_689_600_250));
        assert_eq!(date("2025"), Some(2_025_000));
        assert_eq!(date("9999-12-31T23:59:59Z"), date("253402300799"));
        assert_eq!(date("9999-12-31"), Some(253_402_214_400_000));
        assert_eq!(date("0000-01-01"), Some(-62_167_219_200_000));
        assert_eq!(date("1969-12-31T23:59:59Z"), Some(-1000));
        for bad in [
            "",
            "2025-13",
            "2025-02-30",
            "2025-1-1",
            "2025-01-01T00:00:00",
            "2025-01-01 00:00:00Z",
            "2025-01-01T24:00Z",
            "2025-01-01T00:00:00.Z",
            "20250101T000000Z",
        ] {
            assert_eq!(date(bad), None, "{bad}");
        }
    }

    #[test]
    fn ranges_hold_addresses() {
        let holds = |range: &str, address: &str| {
            NetworkRange::parse(range).is_some_and(|it| it.contains(address.parse().unwrap()))
        };
        assert!(holds("10.1.2.3/8", "10.9.9.9"));
        assert!(!holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("0.0.0.0/0", "8.8.8.8"));
        assert!(holds("::/0", "::ffff:1.2.3.4"));
        assert!(!holds("0.0.0.0/0", "::ffff:1.2.3.4"));
        assert!(NetworkRange::parse("10.0.0.0/33").is_none());
        assert!(NetworkRange::parse("10.0.0.0/").is_none());
    }

    #[test]
    fn folding_is_simple() {
        assert_eq!(folded("ΣΑΣ"), folded("σας"));
        assert_eq!(folded("Straße"), "straße");
        assert_ne!(folded("ı"), folded("i"));
        assert_eq!(folded("K"), "k");
    }
}
