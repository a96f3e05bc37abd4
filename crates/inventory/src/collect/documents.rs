use crate::SliceFailure;
use hallpass_aws_model::{page_rows, policy_text, says_not_there};
use serde_json::{Map, Value};

pub(crate) fn undecodable(operation: &str, message: &str) -> SliceFailure {
    SliceFailure {
        stage: "decode".to_owned(),
        operation: operation.to_owned(),
        code: "Undecodable".to_owned(),
        message: format!("the answer cannot be understood: {message}"),
        http_status: None,
        attempts: 1,
        request_id: None,
    }
}

pub(crate) fn text<'a>(document: &'a Value, name: &str) -> Option<&'a str> {
    let text = document.get(name).and_then(Value::as_str);
    text.filter(|it| !it.is_empty())
}

pub(crate) fn needed<'a>(
    operation: &str,
    document: &'a Value,
    name: &str,
) -> Result<&'a str, SliceFailure> {
    text(document, name).ok_or_else(|| undecodable(operation, &format!("no `{name}` in it")))
}

/// `null` if missing.
pub(crate) fn member(document: &Value, name: &str) -> Value {
    match document.get(name) {
        None => Value::Null,
        Some(Value::String(text)) if text.is_empty() => Value::Null,
        Some(value) => value.clone(),
    }
}

pub(crate) fn list<'a>(document: &'a Value, name: &str) -> &'a [Value] {
    let list = document.get(name).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

pub(crate) fn listed(
    operation: &str,
    pages: &[Value],
    name: &str,
) -> Result<Vec<Value>, SliceFailure> {
    let mut all = Vec::new();
    for page in pages {
        let list = page_rows(page, name);
        let list = list.ok_or_else(|| undecodable(operation, &format!("`{name}` is no list")))?;
        all.extend(list.iter().cloned());
    }
    Ok(all)
}

/// `[{"Key", "Value"}]` as an object (`inventory.md` T-19).
pub(crate) fn tags(list: &[Value]) -> Value {
    let mut found = Map::new();
    for tag in list {
        if let Some(key) = tag.get("Key").and_then(Value::as_str) {
            let value = tag.get("Value").cloned().unwrap_or_default();
            found.insert(key.to_owned(), value);
        }
    }
    Value::Object(found)
}

pub(crate) fn policy(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

/// Parses a percent-encoded policy (`inventory.md` T-18); returns whether it is JSON.
pub(crate) fn encoded_policy(text: &str) -> (Value, bool) {
    match serde_json::from_str(&policy_text(text)) {
        Ok(document) => (document, true),
        Err(_) => (Value::from(text), false),
    }
}

/// `None` for a not-found error.
pub(crate) fn if_there<T>(found: Result<T, SliceFailure>) -> Result<Option<T>, SliceFailure> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(failure) if says_not_there(&failure.code) => Ok(None),
        Err(failure) => Err(failure),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn policies_are_decoded_once() {
        for (text, expected, is_json) in [
            ("%7B%22a%22%3A%22b%22%7D", json!({"a": "b"}), true),
            ("{\"a\":\"b\"}", json!({"a": "b"}), true),
            // a second encoding by the author stays
            ("%7B%22a%22%3A%22%2525%22%7D", json!({"a": "%25"}), true),
            // a plus stays a plus: this is not a form
            ("%7B%22a%22%3A%22x+y%22%7D", json!({"a": "x+y"}), true),
            ("%7B%22a", json!("%7B%22a"), false),
            ("%G0", json!("%G0"), false),
            ("no policy", json!("no policy"), false),
        ] {
            assert_eq!(encoded_policy(text), (expected, is_json), "{text}");
        }
    }
}
