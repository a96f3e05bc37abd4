//! `POST /_sim/events`: records of CloudTrail that nothing here made, for `LookupEvents` and trails.

use hallpass_sim_base::Refusal;
use serde_json::{Value, json};

use crate::{core::event_history::HistoryEvent, world::Shared};

/// Adds records, all or none.
pub(super) fn add(shared: &Shared, body: &Value) -> Result<Value, Refusal> {
    let records = body.get("Records").and_then(Value::as_array);
    let records = records.ok_or_else(|| Refusal::bad("Records", "expected a list of records"))?;
    let events: Result<Vec<HistoryEvent>, String> =
        records.iter().map(HistoryEvent::brought).collect();
    let events = events.map_err(|why| Refusal::bad("Records", &why))?;
    let added = events.len();
    let mut world = shared.lock();
    for event in events {
        world.state.note_sign_in(event);
    }
    Ok(json!({ "added": added }))
}
