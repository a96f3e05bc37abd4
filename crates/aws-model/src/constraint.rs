//! The limits of one value, in AWS's wording.

use serde_json::Value;

use crate::pattern::Pattern;
use crate::table::{Shape, ShapeKind, TimeFormat};

#[derive(Clone, Debug)]
pub(crate) enum Constraint<'a> {
    Longest(i64),
    Shortest(i64),
    Greatest(i64),
    Least(i64),
    Pattern(&'a Pattern),
    OneOf(&'a [String]),
}

impl Constraint<'_> {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Longest(n) => format!("Member must have length less than or equal to {n}"),
            Self::Shortest(n) => format!("Member must have length greater than or equal to {n}"),
            Self::Greatest(n) => format!("Member must have value less than or equal to {n}"),
            Self::Least(n) => format!("Member must have value greater than or equal to {n}"),
            Self::Pattern(pattern) => {
                format!(
                    "Member must satisfy regular expression pattern: {}",
                    pattern.source()
                )
            }
            Self::OneOf(values) => {
                format!(
                    "Member must satisfy enum value set: [{}]",
                    values.join(", ")
                )
            }
        }
    }

    /// Whether `value`, which has the right type, satisfies this limit.
    pub(crate) fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Longest(n) => length(value).is_none_or(|length| length <= *n),
            Self::Shortest(n) => length(value).is_none_or(|length| length >= *n),
            Self::Greatest(n) => value.as_i64().is_none_or(|number| number <= *n),
            Self::Least(n) => value.as_i64().is_none_or(|number| number >= *n),
            Self::Pattern(pattern) => value.as_str().is_none_or(|text| pattern.matches(text)),
            Self::OneOf(values) => value
                .as_str()
                .is_none_or(|text| values.iter().any(|known| known == text)),
        }
    }
}

/// A shape's limits in AWS's order: maximum, minimum, pattern, values.
pub(crate) fn constraints(shape: &Shape) -> Vec<Constraint<'_>> {
    let mut all = Vec::new();
    match &shape.kind {
        ShapeKind::Integer | ShapeKind::Long => {
            all.extend(shape.max.map(Constraint::Greatest));
            all.extend(shape.min.map(Constraint::Least));
        }
        ShapeKind::Text { pattern, values } => {
            all.extend(shape.max.map(Constraint::Longest));
            all.extend(shape.min.map(Constraint::Shortest));
            all.extend(pattern.as_ref().map(Constraint::Pattern));
            if !values.is_empty() {
                all.push(Constraint::OneOf(values));
            }
        }
        ShapeKind::List { .. } | ShapeKind::Map { .. } => {
            all.extend(shape.max.map(Constraint::Longest));
            all.extend(shape.min.map(Constraint::Shortest));
        }
        ShapeKind::Structure { .. }
        | ShapeKind::Double
        | ShapeKind::Boolean
        | ShapeKind::Timestamp(_)
        | ShapeKind::Blob
        | ShapeKind::Document => {}
    }
    all
}

/// The expected type, when `value` has another. Instants accept any number, also `1.65E9`.
pub(crate) fn wrong_type(kind: &ShapeKind, value: &Value) -> Option<&'static str> {
    let fits = match kind {
        ShapeKind::Structure { .. } | ShapeKind::Map { .. } => value.is_object(),
        ShapeKind::List { .. } => value.is_array(),
        ShapeKind::Text { .. } | ShapeKind::Blob => value.is_string(),
        ShapeKind::Integer => value
            .as_i64()
            .is_some_and(|number| i32::try_from(number).is_ok()),
        ShapeKind::Long => value.as_i64().is_some(),
        ShapeKind::Boolean => value.is_boolean(),
        ShapeKind::Double | ShapeKind::Timestamp(None | Some(TimeFormat::Unix)) => {
            value.is_number()
        }
        ShapeKind::Timestamp(Some(_)) => value.is_number() || value.is_string(),
        ShapeKind::Document => true,
    };
    (!fits).then_some(match kind {
        ShapeKind::Structure { .. } => "a structure",
        ShapeKind::Map { .. } => "a map",
        ShapeKind::List { .. } => "a list",
        ShapeKind::Text { .. } => "a string",
        ShapeKind::Blob => "base64 text",
        ShapeKind::Integer => "an integer",
        ShapeKind::Long => "a long",
        ShapeKind::Double => "a number",
        ShapeKind::Boolean => "a boolean",
        ShapeKind::Timestamp(_) => "a timestamp",
        ShapeKind::Document => "any value",
    })
}

fn length(value: &Value) -> Option<i64> {
    let length = match value {
        Value::String(text) => text.chars().count(),
        Value::Array(all) => all.len(),
        Value::Object(all) => all.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) => return None,
    };
    i64::try_from(length).ok()
}
