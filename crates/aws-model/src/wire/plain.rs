use std::fmt::Write as _;

use serde_json::Value;

pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Percent-encodes characters that are neither unreserved (RFC 3986) nor in `kept`.
pub(crate) fn encoded(text: &str, kept: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || "-_.~".contains(c) || byte.is_ascii() && kept.contains(c) {
            out.push(c);
        } else {
            // writing to a `String` cannot fail
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
