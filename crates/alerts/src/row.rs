//! A row that a rule gave: which one it is, and what became of it.

use std::fmt;

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Which row it is: the values of the key's columns, as a JSON array. No value is `null`, which is not the text
/// `"null"`; members of objects are in the order of their names (`inventory.md` R-2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AlertRowKey(String);

impl AlertRowKey {
    /// The key of a row.
    pub fn of(row: &Map<String, Value>, columns: &[String]) -> Self {
        let values = columns
            .iter()
            .map(|name| row.get(name).map_or(Value::Null, ordered));
        Self(Value::Array(values.collect()).to_string())
    }

    /// Reads a key as people give it: a JSON array, or the text of a single column.
    pub fn given(text: &str) -> Self {
        match serde_json::from_str(text) {
            Ok(Value::Array(values)) => {
                Self(Value::Array(values.iter().map(ordered).collect()).to_string())
            }
            Ok(_) | Err(_) => Self(Value::Array(vec![Value::from(text)]).to_string()),
        }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AlertRowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A value whose objects have their members in order.
fn ordered(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members
                .iter()
                .map(|(k, v)| (k.clone(), ordered(v)))
                .collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(ordered).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// The longest text of a value that is kept of a row, in characters.
const VALUE_MAX: usize = 500;

/// A row with long values cut: what is told and stored of it.
pub(crate) fn kept(row: &Map<String, Value>) -> Map<String, Value> {
    let cut = |value: &Value| match value {
        Value::String(text) => Value::String(text.chars().take(VALUE_MAX).collect()),
        Value::Object(_) | Value::Array(_) => {
            let text = ordered(value).to_string();
            match text.chars().count() {
                0..=VALUE_MAX => ordered(value),
                _ => Value::String(text.chars().take(VALUE_MAX).collect()),
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    };
    row.iter()
        .map(|(name, value)| (name.clone(), cut(value)))
        .collect()
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RowPhase {
    /// It was seen, not yet often enough.
    New {
        /// In so many snapshots one after the other.
        snapshots: u32,
        /// When it recovered before, if it did: it was active once.
        recovered_at: Option<Timestamp>,
    },
    /// It stands.
    Active {
        /// Since when.
        since: Timestamp,
        /// When it was told last; a muted row is not.
        told_at: Option<Timestamp>,
    },
    /// A run that read everything did not give it any more.
    Recovered {
        /// When it was seen gone.
        at: Timestamp,
    },
    /// Its rule is gone, or asks for other rows now.
    Retired {
        /// When its rule was taken out of the file or changed.
        at: Timestamp,
    },
}

impl RowPhase {
    /// Its name where people read.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::New { .. } => "new",
            Self::Active { .. } => "active",
            Self::Recovered { .. } => "recovered",
            Self::Retired { .. } => "retired",
        }
    }
}

/// A row and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRow {
    /// Its values when it was seen last.
    pub values: Map<String, Value>,
    /// When it was seen first.
    pub first_seen: Timestamp,
    /// How often it was active again after it had recovered.
    pub flap_count: u32,
    /// What became of it.
    pub phase: RowPhase,
}
