//! CBOR bodies (RFC 8949; Smithy: "RPC v2 CBOR"), for services without another protocol. Supports
//! the part used by the protocol; converts answers to the JSON of a JSON protocol.

use crate::{ServiceModel, Shape, ShapeKind};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Number, Value};

/// Deeper nesting is not an AWS answer.
const DEPTH_MAX: usize = 64;

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const SIMPLE: u8 = 7;
/// The tag of an instant in seconds.
const INSTANT: u64 = 1;
/// Ends an item of indefinite length.
const BREAK: u8 = 0xff;

pub(crate) fn write(service: &ServiceModel, shape: Option<&Shape>, input: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    match shape {
        Some(shape) => item(service, shape, input, &mut out),
        None => head(MAP, 0, &mut out),
    }
    out
}

fn head(kind: u8, number: u64, out: &mut Vec<u8>) {
    let first = kind << 5;
    match number {
        0..=23 => out.push(first | u8::try_from(number).unwrap_or_default()),
        24..=0xff => out.extend([first | 0x18, u8::try_from(number).unwrap_or_default()]),
        0x100..=0xffff => {
            out.push(first | 0x19);
            out.extend(u16::try_from(number).unwrap_or_default().to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(first | 0x1a);
            out.extend(u32::try_from(number).unwrap_or_default().to_be_bytes());
        }
        _ => {
            out.push(first | 0x1b);
            out.extend(number.to_be_bytes());
        }
    }
}

fn text(text: &str, out: &mut Vec<u8>) {
    head(TEXT, text.len() as u64, out);
    out.extend(text.as_bytes());
}

fn number(number: &Number, out: &mut Vec<u8>) {
    if let Some(whole) = number.as_u64() {
        head(UNSIGNED, whole, out);
    } else if let Some(whole) = number.as_i64() {
        head(NEGATIVE, (-1 - whole).unsigned_abs(), out);
    } else {
        out.push(SIMPLE << 5 | 0x1b);
        out.extend(number.as_f64().unwrap_or_default().to_be_bytes());
    }
}

fn item(service: &ServiceModel, shape: &Shape, value: &Value, out: &mut Vec<u8>) {
    match (&shape.kind, value) {
        (ShapeKind::Structure { members, .. }, Value::Object(all)) => {
            let given = members.iter().filter_map(|member| {
                let value = all.get(&member.name).filter(|it| !it.is_null())?;
                Some((member.wire(), service.shape(&member.shape)?, value))
            });
            let given: Vec<_> = given.collect();
            head(MAP, given.len() as u64, out);
            for (name, inner, value) in given {
                text(name, out);
                item(service, inner, value, out);
            }
        }
        (ShapeKind::List { element, .. }, Value::Array(items)) => {
            head(ARRAY, items.len() as u64, out);
            for value in items {
                match service.shape(element) {
                    Some(inner) => item(service, inner, value, out),
                    None => plain(value, out),
                }
            }
        }
        (ShapeKind::Map { value: of, .. }, Value::Object(all)) => {
            head(MAP, all.len() as u64, out);
            for (name, value) in all {
                text(name, out);
                match service.shape(of) {
                    Some(inner) => item(service, inner, value, out),
                    None => plain(value, out),
                }
            }
        }
        (ShapeKind::Timestamp(_), _) => {
            head(TAG, INSTANT, out);
            let unix = crate::TimeFormat::Unix;
            plain(&crate::wire::json::instant(value, unix), out);
        }
        (ShapeKind::Blob, Value::String(packed)) => {
            let bytes = BASE64_STANDARD.decode(packed);
            let bytes = bytes.unwrap_or_else(|_| packed.clone().into_bytes());
            head(BYTES, bytes.len() as u64, out);
            out.extend(bytes);
        }
        _ => plain(value, out),
    }
}

fn plain(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(SIMPLE << 5 | 0x16),
        Value::Bool(no) if !no => out.push(SIMPLE << 5 | 0x14),
        Value::Bool(_) => out.push(SIMPLE << 5 | 0x15),
        Value::Number(it) => number(it, out),
        Value::String(it) => text(it, out),
        Value::Array(items) => {
            head(ARRAY, items.len() as u64, out);
            for it in items {
                plain(it, out);
            }
        }
        Value::Object(all) => {
            head(MAP, all.len() as u64, out);
            for (name, value) in all {
                text(name, out);
                plain(value, out);
            }
        }
    }
}

/// Reads exactly one item. Bytes become base64; instants stay numbers.
pub(crate) fn read(body: &[u8]) -> Option<Value> {
    let mut rest = body;
    let value = value(&mut rest, 0)?;
    rest.is_empty().then_some(value)
}

fn take<'a>(rest: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = after;
    Some(taken)
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    take(rest, 1)?.first().copied()
}

/// The number after a first byte; inner `None` for indefinite length.
#[expect(
    clippy::option_option,
    reason = "no item, and an item without a length"
)]
fn argument(first: u8, rest: &mut &[u8]) -> Option<Option<u64>> {
    let mut bytes = |count| {
        let taken = take(rest, count)?;
        Some(
            taken
                .iter()
                .fold(0, |all: u64, it| all << 8 | u64::from(*it)),
        )
    };
    Some(match first & 0x1f {
        small @ 0..=23 => Some(u64::from(small)),
        24 => Some(bytes(1)?),
        25 => Some(bytes(2)?),
        26 => Some(bytes(4)?),
        27 => Some(bytes(8)?),
        31 => None,
        _ => return None,
    })
}

fn value(rest: &mut &[u8], depth: usize) -> Option<Value> {
    if depth > DEPTH_MAX {
        return None;
    }
    let first = byte(rest)?;
    let kind = first >> 5;
    if kind == SIMPLE {
        return simple(first, rest);
    }
    let argument = argument(first, rest)?;
    match kind {
        UNSIGNED => Some(argument?.into()),
        NEGATIVE => {
            let below = i64::try_from(argument?).ok()?;
            Some((-1 - below).into())
        }
        BYTES => Some(
            BASE64_STANDARD
                .encode(string(argument, BYTES, rest)?)
                .into(),
        ),
        TEXT => {
            let text = String::from_utf8(string(argument, TEXT, rest)?).ok()?;
            Some(text.into())
        }
        ARRAY => {
            let mut items = Vec::new();
            while !is_over(argument, items.len(), rest)? {
                items.push(value(rest, depth + 1)?);
            }
            Some(Value::Array(items))
        }
        MAP => {
            let (mut all, mut count) = (Map::new(), 0);
            while !is_over(argument, count, rest)? {
                let Value::String(name) = value(rest, depth + 1)? else {
                    return None;
                };
                all.insert(name, value(rest, depth + 1)?);
                count += 1;
            }
            Some(Value::Object(all))
        }
        // ignores tags: the model has the type
        _ => value(rest, depth + 1),
    }
}

fn is_over(length: Option<u64>, count: usize, rest: &mut &[u8]) -> Option<bool> {
    match length {
        Some(length) => Some(count as u64 >= length),
        None if rest.first() == Some(&BREAK) => {
            byte(rest)?;
            Some(true)
        }
        None => Some(false),
    }
}

/// Bytes or text: whole, or in pieces of the same kind.
fn string(length: Option<u64>, kind: u8, rest: &mut &[u8]) -> Option<Vec<u8>> {
    if let Some(length) = length {
        return Some(take(rest, length)?.to_vec());
    }
    let mut whole = Vec::new();
    loop {
        let first = byte(rest)?;
        if first == BREAK {
            return Some(whole);
        }
        let length = argument(first, rest)?.filter(|_| first >> 5 == kind)?;
        whole.extend(take(rest, length)?);
    }
}

fn simple(first: u8, rest: &mut &[u8]) -> Option<Value> {
    let float = |number: f64| Number::from_f64(number).map_or(Value::Null, Value::Number);
    Some(match first & 0x1f {
        20 => Value::Bool(false),
        21 => Value::Bool(true),
        22 | 23 => Value::Null,
        25 => float(half(u16::from_be_bytes(take(rest, 2)?.try_into().ok()?))),
        26 => float(f32::from_be_bytes(take(rest, 4)?.try_into().ok()?).into()),
        27 => float(f64::from_be_bytes(take(rest, 8)?.try_into().ok()?)),
        _ => return None,
    })
}

/// A number of 16 bits (RFC 8949 appendix D).
fn half(bits: u16) -> f64 {
    let (exponent, mantissa) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let size = match exponent {
        0 => mantissa * 2_f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * 2_f64.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { size } else { -size }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// RFC 8949 appendix A.
    #[test]
    fn examples_of_the_rfc_are_read() {
        for (hexed, expected) in [
            ("00", json!(0)),
            ("1903e8", json!(1000)),
            ("1bffffffffffffffff", json!(18_446_744_073_709_551_615_u64)),
            ("3903e7", json!(-1000)),
            ("f90001", json!(5.960_464_477_539_063e-8)),
            ("f93e00", json!(1.5)),
            ("fa47c35000", json!(100_000.0)),
            ("fbc010666666666666", json!(-4.1)),
            ("f97c00", Value::Null),
            ("f4", json!(false)),
            ("f6", Value::Null),
            ("c11a514b67b0", json!(1_363_896_240)),
            ("4401020304", json!("AQIDBA==")),
            ("64f0908591", json!("\u{10151}")),
            ("8301820203820405", json!([1, [2, 3], [4, 5]])),
            ("9f018202039f0405ffff", json!([1, [2, 3], [4, 5]])),
            ("bf61610161629f0203ffff", json!({"a": 1, "b": [2, 3]})),
            ("7f657374726561646d696e67ff", json!("streaming")),
            ("5f42010243030405ff", json!("AQIDBAU=")),
        ] {
            let bytes: Vec<u8> = (0..hexed.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(hexed.get(at..at + 2).unwrap(), 16).unwrap())
                .collect();
            assert_eq!(read(&bytes), Some(expected), "{hexed}");
        }
    }

    #[test]
    fn what_is_cut_or_goes_on_or_is_too_deep_is_none() {
        for bytes in [
            &b"\x19\x03"[..],
            b"\x82\x01",
            b"\x00\x00",
            b"\x7f\x61",
            b"\x1c",
            b"\xa1\x01\x02",
            b"",
            b"\xff",
        ] {
            assert_eq!(read(bytes), None, "{bytes:?}");
        }
        assert_eq!(read(&[0x81; 100]), None);
    }

    #[test]
    fn what_is_written_is_read_again() {
        for value in [
            json!({"a": [1, -1, 24, 256, 65_536, 4_294_967_296_u64, -300, 1.5], "b": {"c": null, "d": [true, false]}}),
            json!("x".repeat(300)),
        ] {
            let mut out = Vec::new();
            plain(&value, &mut out);
            assert_eq!(read(&out), Some(value));
        }
    }
}
