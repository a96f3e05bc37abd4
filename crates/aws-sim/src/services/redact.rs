use serde_json::{Map, Value};

use super::is_secret;

/// Removes secrets from an input for logs and records.
pub(crate) fn redact(input: &Value) -> Value {
    match input {
        Value::Object(members) => {
            let kept = members.iter().map(|(name, value)| {
                let shown = if is_secret(name) {
                    "…".into()
                } else {
                    redact(value)
                };
                (name.clone(), shown)
            });
            Value::Object(kept.collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(redact).collect(),
        other => other.clone(),
    }
}
