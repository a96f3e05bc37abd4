//! Reading the documents that APIs answer with.

use crate::SliceFailure;
use hallpass_aws_model::{page_rows, policy_text, says_not_there};
use serde_json::{Map, Value};

/// An answer that cannot be understood.
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

/// A member that is text, and not empty.
pub(crate) fn text<'a>(document: &'a Value, name: &str) -> Option<&'a str> {
    let text = document.get(name).and_then(Value::as_str);
    text.filter(|it| !it.is_empty())
}

/// A member that has to be there.
pub(crate) fn needed<'a>(
    operation: &str,
    document: &'a Value,
    name: &str,
) -> Result<&'a str, SliceFailure> {
    text(document, name).ok_or_else(|| undecodable(operation, &format!("no `{name}` in it")))
}

/// A member as it is; `null` where there is none.
pub(crate) fn member(document: &Value, name: &str) -> Value {
    match document.get(name) {
        None => Value::Null,
        Some(Value::String(text)) if text.is_empty() => Value::Null,
        Some(value) => value.clone(),
    }
}

/// The elements of a list that may be left out where it is empty.
pub(crate) fn list<'a>(document: &'a Value, name: &str) -> &'a [Value] {
    let list = document.get(name).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

/// The elements of a list, from all pages.
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

/// A policy that comes as text: as JSON where it is such, else as a JSON string.
pub(crate) fn policy(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

/// A policy that comes as text in percent encoding (`inventory.md` T-18); whether it is JSON.
pub(crate) fn encoded_policy(text: &str) -> (Value, bool) {
    match serde_json::from_str(&policy_text(text)) {
        Ok(document) => (document, true),
        Err(_) => (Value::from(text), false),
    }
}

/// Nothing, where AWS says that there is no such thing.
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
            // what was encoded twice by its author stays so
            ("%7B%22a%22%3A%22%2525%22%7D", json!({"a": "%25"}), true),
            // a plus is a plus: this is no form
            ("%7B%22a%22%3A%22x+y%22%7D", json!({"a": "x+y"}), true),
            ("%7B%22a", json!("%7B%22a"), false),
            ("%G0", json!("%G0"), false),
            ("no policy", json!("no policy"), false),
        ] {
            assert_eq!(encoded_policy(text), (expected, is_json), "{text}");
        }
    }
}
