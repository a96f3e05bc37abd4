/// Decodes a policy from an IAM response, percent-encoded once (RFC 3986 §2.1; IAM API Reference,
/// "`PolicyVersion`"). Returns already decoded text unchanged.
pub fn policy_text(text: &str) -> String {
    if text.trim_start().starts_with('{') {
        return text.to_owned();
    }
    decoded(text).unwrap_or_else(|| text.to_owned())
}

/// A plus stays a plus: this is not a form.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut found = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            found.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            found.push(byte);
        }
    }
    String::from_utf8(found).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_decoded_once() {
        for (text, expected) in [
            ("%7B%22a%22%3A%22b%22%7D", "{\"a\":\"b\"}"),
            ("{\"a\":\"%20\"}", "{\"a\":\"%20\"}"),
            // a second encoding by the author stays
            ("%7B%22a%22%3A%22%2525%22%7D", "{\"a\":\"%25\"}"),
            ("%7B%22a%22%3A%22x+y%22%7D", "{\"a\":\"x+y\"}"),
            ("%7B%C3%A9%7D", "{é}"),
            ("%7B%22a", "{\"a"),
            ("%G0", "%G0"),
            ("%7B%2", "%7B%2"),
            ("%FF", "%FF"),
            ("", ""),
        ] {
            assert_eq!(policy_text(text), expected, "{text}");
        }
    }
}
