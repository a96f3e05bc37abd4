//! Finds values in a JSON text without keeping the rest.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Step {
    Key(String),
    Index(i64),
    /// A path element: a member name or an element number.
    Either(String),
}

pub(in crate::engine) fn get(text: &str, step: &Step) -> Option<Value> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let found = reader.deserialize_any(StepVisitor(step)).ok()?;
    reader.end().ok()?;
    found
}

pub(super) fn get_path(text: &str, path: &[String]) -> Option<Value> {
    let document: Value = serde_json::from_str(text).ok()?;
    let step = |value: Value, step: &String| match value {
        Value::Object(mut members) => members.remove(step),
        Value::Array(elements) => element(elements, step.parse().ok()?),
        _ => None,
    };
    path.iter().try_fold(document, step)
}

fn element(mut elements: Vec<Value>, index: i64) -> Option<Value> {
    let from_end = || {
        elements
            .len()
            .checked_sub(usize::try_from(index.unsigned_abs()).ok()?)
    };
    let index = usize::try_from(index).ok().or_else(from_end)?;
    (index < elements.len()).then(|| elements.swap_remove(index))
}

/// Renders a value like `->>`: text as is, `null` as `None`, the rest as JSON.
pub(super) fn as_text(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

/// Implements `@>`: every member and element of `part` occurs in `whole`. A list contains a bare
/// value among its elements.
pub(super) fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Array(elements), part) if !part.is_array() && !part.is_object() => {
            elements.contains(part)
        }
        _ => contains_nested(whole, part),
    }
}

fn contains_nested(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part.iter().all(|(key, value)| {
            whole
                .get(key)
                .is_some_and(|found| contains_nested(found, value))
        }),
        (Value::Array(whole), Value::Array(part)) => part
            .iter()
            .all(|value| whole.iter().any(|it| contains_nested(it, value))),
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (one, other) => one == other,
    }
}

/// Implements `?`: the key is an object member, a list element, or the document.
pub(super) fn has_key(document: &Value, key: &str) -> bool {
    match document {
        Value::Object(members) => members.contains_key(key),
        Value::Array(elements) => elements.iter().any(|it| it.as_str() == Some(key)),
        Value::String(text) => text == key,
        _ => false,
    }
}

struct StepVisitor<'a>(&'a Step);

impl<'de> Visitor<'de> for StepVisitor<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (Step::Key(key) | Step::Either(key)) = self.0 else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(None);
        };
        let mut found = None;
        while let Some(is_it) = map.next_key_seed(IsKey(key))? {
            if is_it {
                // the last of duplicate members wins
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let index = match self.0 {
            Step::Index(index) => Some(*index),
            Step::Either(text) => text.parse().ok(),
            Step::Key(_) => None,
        };
        let Some(index) = index else {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(None);
        };
        let mut elements = Vec::new();
        while let Some(value) = list.next_element()? {
            elements.push(value);
        }
        Ok(element(elements, index))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }
}

struct IsKey<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for IsKey<'_> {
    type Value = bool;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<bool, D::Error> {
        reader.deserialize_identifier(self)
    }
}

impl Visitor<'_> for IsKey<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, step: &Step) -> Option<String> {
        get(text, step).map(|it| it.to_string())
    }

    #[test]
    fn steps_find_members_and_elements() {
        let key = |name: &str| Step::Key(name.to_owned());
        let either = |name: &str| Step::Either(name.to_owned());
        for (text, step, found) in [
            (r#"{"a":1,"b":{"c":[2]}}"#, key("b"), Some(r#"{"c":[2]}"#)),
            (r#"{"a":1,"a":2}"#, key("a"), Some("2")),
            (r#"{"a":null}"#, key("a"), Some("null")),
            (r#"{"\u0061":1}"#, key("a"), Some("1")),
            (r#"{"a":1}"#, key("A"), None),
            (r#"{"1":1}"#, Step::Index(1), None),
            ("[1,2,3]", Step::Index(0), Some("1")),
            ("[1,2,3]", Step::Index(-1), Some("3")),
            ("[1,2,3]", Step::Index(3), None),
            ("[1,2,3]", Step::Index(-4), None),
            ("[1,2,3]", key("1"), None),
            ("[1,2,3]", either("1"), Some("2")),
            ("null", key("a"), None),
            ("\"a\"", key("a"), None),
            ("{\"a\":1", key("a"), None),
            ("{\"a\":1} x", key("a"), None),
            ("", key("a"), None),
        ] {
            assert_eq!(at(text, &step).as_deref(), found, "{text} {step:?}");
        }
    }

    #[test]
    fn what_is_contained_is_as_in_postgresql() {
        for (whole, part, expected) in [
            (r#"{"a":1,"b":2}"#, r#"{"b":2}"#, true),
            (r#"{"a":1}"#, r#"{"a":2}"#, false),
            (r#"{"a":{"b":1,"c":2}}"#, r#"{"a":{"c":2}}"#, true),
            ("[1,2,3]", "[3,1]", true),
            ("[1,2,3]", "[1,1]", true),
            ("[1,2,3]", "2", true),
            ("2", "[2]", false),
            ("[[1,2]]", "[[1]]", true),
            ("[1,[2]]", "[2]", false),
            (r#"{"a":[1]}"#, r#"{"a":1}"#, false),
            ("1", "1.0", true),
            ("{}", "{}", true),
            ("[]", "{}", false),
        ] {
            let read = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
            assert_eq!(
                contains(&read(whole), &read(part)),
                expected,
                "{whole} @> {part}"
            );
        }
    }
}
