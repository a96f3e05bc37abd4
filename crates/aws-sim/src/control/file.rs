//! `POST /_sim/load` and `POST /_sim/reset`.

use std::sync::MutexGuard;

use axum::http::StatusCode;
use hallpass_sim_base::{Refusal, check_parameters, instant, parameter};
use serde_json::{Value, json};

use crate::{
    core::{export::export, load},
    organization::{OrganizationFile, Problem, parse_value},
    world::{Shared, SimWorld},
};

fn problems(found: &[Problem]) -> Refusal {
    let text = format!("the organization file has {} problems", found.len());
    Refusal::bad("", &text).with("problems", json!(found))
}

/// Lists of a file, in `merge` rows of the same name are replaced.
const LISTS: &[(&str, &str)] = &[
    ("/organization/billing_transfers", "id"),
    ("/ous", "name"),
    ("/accounts", "name"),
    ("/policies", "name"),
    ("/credentials", "access_key_id"),
    ("/config_aggregators", "name"),
    ("/event_rules", "queue"),
    ("/devops_guru_insights", "id"),
    ("/workloads", "name"),
    ("/resource_shares", "name"),
    ("/commitments", "id"),
    ("/quotas", "code"),
    ("/config_evaluations", "id"),
    ("/functions", "name"),
    ("/trails", "name"),
    ("/identity_center/users", "user_name"),
    ("/identity_center/groups", "name"),
    ("/identity_center/permission_sets", "name"),
    ("/identity_center/assignments", ""),
];

/// Loads a file in place of everything, or on top of what is there.
pub(super) fn load(
    shared: &Shared,
    parameters: &[(String, String)],
    body: Value,
) -> Result<Value, Refusal> {
    check_parameters(parameters, &["merge"])?;
    let merge = parameter(parameters, "merge") == Some("1");
    let world = shared.lock();
    let body = if merge { merged(&world, body)? } else { body };
    let file = parse_value(body).map_err(|found| problems(&found))?;
    replace(shared, world, file)
}

fn merged(world: &SimWorld, body: Value) -> Result<Value, Refusal> {
    let Value::Object(added) = body else {
        return Err(Refusal::bad("", "expected an object"));
    };
    let mut file = export(&world.state);
    if world.loaded.identity_center.portal_url.is_empty() {
        // still where the simulator says
        file.identity_center.portal_url.clear();
    }
    let mut whole = serde_json::to_value(file).unwrap_or_default();
    let added = Value::Object(added);
    for (pointer, name) in LISTS {
        let Some(Value::Array(rows)) = added.pointer(pointer) else {
            continue;
        };
        let Some(held) = list_at(&mut whole, pointer) else {
            continue;
        };
        for row in rows {
            // a row that does not say it takes the place of none
            let same = |old: &Value| row.get(*name).is_some() && old.get(*name) == row.get(*name);
            held.retain(|old| !same(old));
            held.push(row.clone());
        }
    }
    for key in ["behaviour", "limits", "iam", "contacts"] {
        if let (Some(Value::Object(rows)), Some(members)) = (added.get(key), whole.as_object_mut())
        {
            let held = members.entry(key).or_insert_with(|| json!({}));
            if let Some(held) = held.as_object_mut() {
                held.extend(rows.clone());
            }
        }
    }
    for key in [
        "consistency",
        "speed",
        "clock",
        "inventory",
        "finding_aggregation",
    ] {
        if let (Some(value), Some(members)) = (added.get(key), whole.as_object_mut()) {
            members.insert(key.to_owned(), value.clone());
        }
    }
    Ok(whole)
}

fn list_at<'a>(whole: &'a mut Value, pointer: &str) -> Option<&'a mut Vec<Value>> {
    let (parent, key) = pointer.rsplit_once('/')?;
    let members = whole.pointer_mut(parent)?.as_object_mut()?;
    members
        .entry(key)
        .or_insert_with(|| json!([]))
        .as_array_mut()
}

/// Goes back to the file that was loaded.
pub(super) fn reset(shared: &Shared) -> Result<Value, Refusal> {
    let world = shared.lock();
    let file = world.loaded.clone();
    replace(shared, world, file)
}

fn replace(
    shared: &Shared,
    mut world: MutexGuard<'_, SimWorld>,
    file: OrganizationFile,
) -> Result<Value, Refusal> {
    let mut state = load::load(&file, &shared.overrides).map_err(|found| problems(&found))?;
    let wall = shared.clock.now();
    let start = file
        .clock
        .as_ref()
        .and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let start = start.map_or_else(|| world.now(wall), jiff::Timestamp::as_millisecond);
    state.start(start);
    world.offset = start - wall.as_millisecond();
    world.frozen = world.frozen.map(|_| start);
    world.faults.remove(None);
    world.state = state;
    world.loaded = file;
    let kept = world.snapshot();
    drop(world);
    shared.open_slack();
    if let Err(error) = kept {
        tracing::error!(%error, "the state log could not be written");
        return Err(Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "state_log",
            "the change could not be recorded",
        ));
    }
    Ok(json!({ "loaded": true, "now": instant(start) }))
}
