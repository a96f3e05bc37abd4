//! Form encoding, both ways (WHATWG URL standard, `application/x-www-form-urlencoded`).

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Fields as a form's bytes.
pub(crate) fn encode<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::new();
    for (name, value) in fields {
        if !out.is_empty() {
            out.push('&');
        }
        escape(name, &mut out);
        out.push('=');
        escape(value, &mut out);
    }
    out
}

fn escape(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
}

/// A form's fields; of one given twice the last counts.
pub(crate) fn decode(body: &str) -> Map<String, Value> {
    let mut fields = Map::new();
    for part in body.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        fields.insert(unescape(name), unescape(value).into());
    }
    fields
}

fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let hex = bytes.get(at + 1..at + 3).filter(|_| *byte == b'%');
        let hex = hex.and_then(|hex| std::str::from_utf8(hex).ok());
        if let Some(decoded) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            out.push(decoded);
            at += 3;
        } else {
            out.push(if *byte == b'+' { b' ' } else { *byte });
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        let encoded = encode([("payload", "{\"a\":\"é & ü\"}"), ("b", "1+1 %")]);
        assert_eq!(
            encoded,
            "payload=%7B%22a%22%3A%22%C3%A9+%26+%C3%BC%22%7D&b=1%2B1+%25"
        );
        let fields = decode(&encoded);
        assert_eq!(fields["payload"], "{\"a\":\"é & ü\"}");
        assert_eq!(fields["b"], "1+1 %");
    }
}
