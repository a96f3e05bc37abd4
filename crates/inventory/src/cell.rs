use jiff::Timestamp;
use serde_json::Value;

use crate::table::ColumnType;

#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Unknown or absent.
    Null,
    Text(String),
    Bool(bool),
    Int(i64),
    /// Whole microseconds.
    Time(Timestamp),
    Json(Value),
}

/// In the table's column order.
pub type TableRow = Vec<Cell>;

impl Cell {
    /// `None` if the value does not match the type. `null` matches any type.
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

    /// Instants as RFC 3339, documents unchanged.
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

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Time(_) | Self::Json(_) => None,
        }
    }

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
