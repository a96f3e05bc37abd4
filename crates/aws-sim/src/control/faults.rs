use std::collections::HashSet;

use crate::base::Refusal;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::{faults::read_all, world::Shared};

/// Adds all faults or none.
pub(super) fn add(shared: &Shared, body: &Value) -> Result<Value, Refusal> {
    let faults = read_all(body).map_err(|wrong| Refusal::bad(&wrong.field, &wrong.message))?;
    let mut world = shared.lock();
    let mut given = HashSet::new();
    let taken = faults
        .iter()
        .filter_map(|fault| fault.id.as_deref())
        .find(|id| world.faults.has(id) || !given.insert(*id));
    if let Some(id) = taken {
        let message = format!("there is a fault `{id}` already");
        return Err(Refusal::new(StatusCode::CONFLICT, "conflict", &message));
    }
    let ids = world.faults.add(faults);
    Ok(json!({ "ids": ids }))
}
