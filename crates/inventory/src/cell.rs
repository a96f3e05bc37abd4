//! A value in a row, and how it is written as JSON.

use jiff::Timestamp;
use serde_json::Value;

use crate::table::ColumnType;

/// A value in a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Not known, or not there.
    Null,
    /// Text.
    Text(String),
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// An instant, in whole microseconds.
    Time(Timestamp),
    /// A JSON document.
    Json(Value),
}

/// The cells of a row, in the order of its table's columns.
pub type TableRow = Vec<Cell>;

impl Cell {
    /// Reads a value of a type from JSON; `None` when it is no such value. `null` is no value,
    /// whatever the type.
    pub fn from_json(kind: ColumnType, value: &Value) -> Option<Self> {
        Some(match (kind, value) {
            (_, Value::Null) => Self::Null,
            (ColumnType::Text, Value::String(text)) => Self::Text(text.clone()),
            (ColumnType::Bool, Value::Bool(value)) => Self::Bool(*value),
            (ColumnType::Int8, Value::Number(number)) => Self::Int(number.as_i64()?),
            (ColumnType::Timestamp, Value::String(text)) => {
                let instant: Timestamp = text.parse().ok()?;
                Self::Time(Timestamp::from_microsecond(instant.as_microsecond()).ok()?)
            }
            (ColumnType::Json, value) => Self::Json(value.clone()),
            _ => return None,
        })
    }

    /// The value as JSON: an instant as RFC 3339, a document as itself.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Text(text) => Value::String(text.clone()),
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(number) => Value::from(*number),
            Self::Time(instant) => Value::String(instant.to_string()),
            Self::Json(document) => document.clone(),
        }
    }

    /// The text of a cell of text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Time(_) | Self::Json(_) => None,
        }
    }

    /// The value as part of a key; `None` where there is none.
    pub(crate) fn key_part(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Text(text) => Some(text.clone()),
            Self::Bool(_) | Self::Int(_) | Self::Time(_) | Self::Json(_) => {
                Some(self.to_json().to_string())
            }
        }
    }
}
