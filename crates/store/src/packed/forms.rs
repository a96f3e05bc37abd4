//! Compact encodings of texts with a known form.

use hallpass_base::Timestamp;
use uuid::Uuid;

use super::tag;

/// Prefixes of Hallpass identifiers, by number; append only.
const PREFIXES: [&str; 4] = ["req_", "grn_", "aud_", "tok_"];
/// Fewer hex digits save nothing.
const HEX_MIN: usize = 16;
/// More digits do not fit a number.
const DIGITS_MAX: usize = 18;
const LOG_TIME: &str = "%Y-%m-%d %H:%M:%S%.6f+00:00";
const INSTANCE: &str = "arn:aws:sso:::permissionSet/ssoins-";
const SET: &str = "/ps-";

/// Writes a number in groups of seven bits.
pub(super) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 128 {
        out.push(u8::try_from(number & 127).unwrap_or(0) | 128);
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap_or(0));
}

pub(super) fn put_signed(out: &mut Vec<u8>, number: i64) {
    put_number(out, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Some(number);
            }
        }
        None
    }

    pub(super) fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    pub(super) fn count(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Writes a text with a known form; `false` if it has none and nothing was written.
pub(super) fn put(out: &mut Vec<u8>, text: &str) -> bool {
    put_id(out, text)
        || put_digits(out, text)
        || put_hex(out, text)
        || put_time(out, text)
        || put_arn(out, text)
}

fn put_id(out: &mut Vec<u8>, text: &str) -> bool {
    if text.len() != 36 {
        return false;
    }
    let prefix = PREFIXES.iter().position(|prefix| text.starts_with(prefix));
    let digits = match prefix {
        Some(_) => text.get(4..).filter(|hex| is_hex(hex)),
        None => Some(text).filter(|text| !text.bytes().any(|byte| byte.is_ascii_uppercase())),
    };
    let Some(uuid) = digits.and_then(|digits| Uuid::try_parse(digits).ok()) else {
        return false;
    };
    match prefix.and_then(|prefix| u8::try_from(prefix).ok()) {
        Some(prefix) => out.extend([tag::ID, prefix]),
        None => out.push(tag::UUID),
    }
    out.extend(uuid.as_bytes());
    true
}

fn put_digits(out: &mut Vec<u8>, text: &str) -> bool {
    let fits = (1..=DIGITS_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let Some(number) = text.parse::<u64>().ok().filter(|_| fits) else {
        return false;
    };
    out.push(tag::DIGITS);
    put_number(out, text.len() as u64);
    put_number(out, number);
    true
}

fn put_hex(out: &mut Vec<u8>, text: &str) -> bool {
    if text.len() < HEX_MIN || !is_hex(text) {
        return false;
    }
    let Ok(bytes) = hex::decode(text) else {
        return false;
    };
    out.push(tag::HEX);
    put_number(out, bytes.len() as u64);
    out.extend(bytes);
    true
}

fn put_time(out: &mut Vec<u8>, text: &str) -> bool {
    let is_instant = text.ends_with('Z') && text.len() <= 30;
    let is_log_time = text.len() == 32 && text.ends_with("+00:00");
    if !is_instant && !is_log_time {
        return false;
    }
    let Ok(at) = text.parse::<Timestamp>() else {
        return false;
    };
    if at.as_nanosecond() % 1_000 != 0 {
        return false;
    }
    out.push(if is_instant {
        tag::INSTANT
    } else {
        tag::LOG_TIME
    });
    put_signed(out, at.as_microsecond());
    true
}

fn put_arn(out: &mut Vec<u8>, text: &str) -> bool {
    let parts = text
        .strip_prefix(INSTANCE)
        .and_then(|rest| rest.split_once(SET));
    let Some((instance, set)) = parts else {
        return false;
    };
    let both_are_hex = [instance, set]
        .iter()
        .all(|it| it.len() == 16 && is_hex(it));
    let decoded = (hex::decode(instance), hex::decode(set));
    match decoded {
        (Ok(instance), Ok(set)) if both_are_hex => {
            out.push(tag::SET_ARN);
            out.extend(instance);
            out.extend(set);
            true
        }
        _ => false,
    }
}

pub(super) fn take(kind: u8, bytes: &mut Bytes<'_>, out: &mut String) -> Option<()> {
    match kind {
        tag::UUID => {
            let uuid = Uuid::from_slice(bytes.take(16)?).ok()?;
            out.push_str(uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
        }
        tag::ID => {
            out.push_str(PREFIXES.get(usize::from(bytes.byte()?))?);
            let uuid = Uuid::from_slice(bytes.take(16)?).ok()?;
            out.push_str(uuid.simple().encode_lower(&mut Uuid::encode_buffer()));
        }
        tag::HEX => {
            let count = bytes.count()?;
            out.push_str(&hex::encode(bytes.take(count)?));
        }
        tag::DIGITS => {
            let count = bytes.count()?;
            let digits = bytes.number()?.to_string();
            let zeros = count.checked_sub(digits.len())?;
            if count > DIGITS_MAX {
                return None;
            }
            out.extend(std::iter::repeat_n('0', zeros));
            out.push_str(&digits);
        }
        tag::INSTANT => {
            let at = Timestamp::from_microsecond(bytes.signed()?).ok()?;
            out.push_str(&at.to_string());
        }
        tag::LOG_TIME => {
            let at = Timestamp::from_microsecond(bytes.signed()?).ok()?;
            out.push_str(&at.strftime(LOG_TIME).to_string());
        }
        tag::SET_ARN => {
            out.push_str(INSTANCE);
            out.push_str(&hex::encode(bytes.take(8)?));
            out.push_str(SET);
            out.push_str(&hex::encode(bytes.take(8)?));
        }
        _ => return None,
    }
    Some(())
}
