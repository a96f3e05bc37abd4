//! Form encoding, both ways (WHATWG URL standard, `application/x-www-form-urlencoded`).

use serde_json::{Map, Value};

pub(crate) fn encode<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

/// Decodes a form; the last duplicate field counts.
pub(crate) fn decode(body: &str) -> Map<String, Value> {
    form_urlencoded::parse(body.as_bytes())
        .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
        .collect()
}

/// Returns a query parameter; an empty one counts as missing.
pub(crate) fn parameter<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    crate::base::parameter(parameters, name).filter(|value| !value.is_empty())
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
