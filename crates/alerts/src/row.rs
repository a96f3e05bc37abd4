use std::fmt;

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The values of the key's columns, as a JSON array. `null` differs from the text `"null"`; object
/// members are sorted (`inventory.md` R-2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AlertRowKey(String);

impl AlertRowKey {
    pub fn of(row: &Map<String, Value>, columns: &[String]) -> Self {
        let values = columns
            .iter()
            .map(|name| row.get(name).map_or(Value::Null, ordered));
        Self(Value::Array(values.collect()).to_string())
    }

    /// Parses user input: a JSON array, or a single column's text.
    pub fn given(text: &str) -> Self {
        match serde_json::from_str(text) {
            Ok(Value::Array(values)) => {
                Self(Value::Array(values.iter().map(ordered).collect()).to_string())
            }
            Ok(_) | Err(_) => Self(Value::Array(vec![Value::from(text)]).to_string()),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AlertRowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

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

/// In characters.
const VALUE_MAX: usize = 500;

/// Truncates long values.
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RowPhase {
    /// Seen, but not often enough yet.
    New {
        /// Consecutive snapshots.
        snapshots: u32,
        /// The earlier recovery, if any.
        recovered_at: Option<Timestamp>,
    },
    Active {
        since: Timestamp,
        /// Excludes muted times.
        told_at: Option<Timestamp>,
    },
    /// Missing in a complete run.
    Recovered { at: Timestamp },
    /// Its rule was removed, or changed its key.
    Retired { at: Timestamp },
}

impl RowPhase {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::New { .. } => "new",
            Self::Active { .. } => "active",
            Self::Recovered { .. } => "recovered",
            Self::Retired { .. } => "retired",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRow {
    pub values: Map<String, Value>,
    pub first_seen: Timestamp,
    /// Reactivations after recovery.
    pub flap_count: u32,
    pub phase: RowPhase,
}
