//! `POST /_sim/events`: external CloudTrail records, for `LookupEvents` and trails.

use crate::base::Refusal;
use serde_json::{Value, json};

use crate::world::Shared;

/// Adds all records or none.
pub(super) fn add(shared: &Shared, body: &Value) -> Result<Value, Refusal> {
    let records = body.get("Records").and_then(Value::as_array);
    let records = records.ok_or_else(|| Refusal::bad("Records", "expected a list of records"))?;
    let added = shared
        .add_events(records)
        .map_err(|why| Refusal::bad("Records", &why))?;
    Ok(json!({ "added": added }))
}
