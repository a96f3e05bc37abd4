//! Instants: seconds in JSON, ISO 8601 with whole seconds in forms and XML.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Number, Value};

/// Formats an instant for XML: `2026-11-20T07:27:43Z`. Takes seconds since 1970 (truncates a
/// fraction) or text in that form.
pub fn iso8601(value: &Value) -> Option<String> {
    let instant = match value {
        Value::Number(number) => instant(number)?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    Some(instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// Parses ISO 8601 into seconds since 1970.
pub fn seconds(text: &str) -> Option<Value> {
    let instant: Timestamp = text.parse().ok()?;
    if instant.subsec_nanosecond() == 0 {
        return Some(Value::from(instant.as_second()));
    }
    Number::from_f64(instant.as_duration().as_secs_f64()).map(Value::Number)
}

fn instant(seconds: &Number) -> Option<Timestamp> {
    if let Some(whole) = seconds.as_i64() {
        return Timestamp::from_second(whole).ok();
    }
    let parts = SignedDuration::try_from_secs_f64(seconds.as_f64()?).ok()?;
    Timestamp::from_second(parts.as_millis().div_euclid(1000).try_into().ok()?).ok()
}
