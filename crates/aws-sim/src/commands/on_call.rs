//! Puts people on call.

use serde_json::{Value, json};

use crate::base::Refusal;
use crate::core::state::SimState;

pub(super) fn put(state: &mut SimState, body: &Value) -> Result<Value, Refusal> {
    let id = body.get("schedule").and_then(Value::as_str);
    let id = id.ok_or_else(|| Refusal::bad("schedule", "expected text"))?;
    let people = body.get("people").and_then(Value::as_array);
    let people = people.ok_or_else(|| Refusal::bad("people", "expected a list"))?;
    let address = |it: &Value| it.as_str().map(str::to_owned);
    let people: Option<Vec<String>> = people.iter().map(address).collect();
    let people = people.ok_or_else(|| Refusal::bad("people", "expected addresses"))?;
    let schedule = state.on_call.iter_mut().find(|it| it.id == id);
    let schedule = schedule.ok_or_else(|| Refusal::bad("schedule", "there is no such schedule"))?;
    schedule.people = people;
    let incident = body.get("incident").and_then(Value::as_str);
    schedule.incident = incident.filter(|it| !it.is_empty()).map(str::to_owned);
    Ok(json!({ "schedule": id, "people": schedule.people, "incident": schedule.incident }))
}
