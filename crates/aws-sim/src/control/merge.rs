//! `POST /_sim/load?merge=1`: merges a partial organization file. Adds or replaces rows of lists;
//! replaces everything else.

use crate::base::Refusal;
use serde_json::{Map, Value, json};

use crate::{core::export::export, organization::check_part, world::SimWorld};

use super::problems::problems;

/// A list of a file: its path, the key member of its rows, and the fallback key members.
type FileList = (&'static str, &'static str, &'static [&'static str]);

const LISTS: &[FileList] = &[
    ("/organization/billing_transfers", "id", &[]),
    ("/organization/invitations", "id", &[]),
    ("/ous", "id", &["parent", "name"]),
    ("/accounts", "id", &["name"]),
    ("/policies", "id", &["type", "name"]),
    ("/credentials", "access_key_id", &[]),
    ("/config_aggregators", "name", &[]),
    ("/config_recorders", "", &["account", "region"]),
    ("/event_rules", "queue", &[]),
    ("/devops_guru_insights", "id", &[]),
    ("/workloads", "name", &[]),
    ("/resource_shares", "name", &[]),
    ("/commitments", "id", &[]),
    ("/quotas", "", &["service", "code"]),
    ("/config_evaluations", "id", &[]),
    ("/functions", "name", &[]),
    ("/trails", "name", &[]),
    ("/entitlements", "id", &[]),
    ("/on_call", "id", &[]),
    ("/tickets", "", &["service", "key"]),
    ("/identity_center/users", "id", &["user_name"]),
    ("/identity_center/groups", "id", &["name"]),
    ("/identity_center/permission_sets", "arn", &["name"]),
    ("/identity_center/assignments", "", &[]),
    (
        "/identity_center/provisioned",
        "",
        &["account", "permission_set"],
    ),
];

const OBJECTS: [&str; 4] = ["behaviour", "limits", "iam", "contacts"];
const PARTS: [&str; 2] = ["organization", "identity_center"];

pub(super) fn merged(world: &SimWorld, added: &Value) -> Result<Value, Refusal> {
    let Value::Object(members) = added else {
        return Err(Refusal::bad("", "expected an object"));
    };
    let found = check_part(added);
    if !found.is_empty() {
        return Err(problems(&found));
    }
    let mut file = export(&world.state);
    if world.loaded.identity_center.portal_url.is_empty() {
        // the simulator determines it
        file.identity_center.portal_url.clear();
    }
    let mut whole = serde_json::to_value(file).unwrap_or_default();
    for list in LISTS {
        if let Some(Value::Array(rows)) = added.pointer(list.0) {
            add_rows(&mut whole, list, rows)?;
        }
    }
    if let Some(whole) = whole.as_object_mut() {
        for (key, value) in members {
            add_member(whole, key, value);
        }
    }
    Ok(whole)
}

fn is_list(pointer: &str) -> bool {
    LISTS.iter().any(|(list, ..)| *list == pointer)
}

fn add_member(whole: &mut Map<String, Value>, key: &str, value: &Value) {
    if is_list(&format!("/{key}")) {
        return;
    }
    match value {
        Value::Object(given) if OBJECTS.contains(&key) || PARTS.contains(&key) => {
            let held = whole.entry(key).or_insert_with(|| json!({}));
            let given = given.iter();
            let given = given.filter(|(name, _)| !is_list(&format!("/{key}/{name}")));
            if let Some(held) = held.as_object_mut() {
                held.extend(given.map(|(name, value)| (name.clone(), value.clone())));
            }
        }
        _ => {
            whole.insert(key.to_owned(), value.clone());
        }
    }
}

/// A row replaces the row with its id, else with its names, and takes that row's id. Rows of one
/// load do not replace each other.
fn add_rows(whole: &mut Value, list: &FileList, rows: &[Value]) -> Result<(), Refusal> {
    let (pointer, id, names) = list;
    let Some(held) = list_at(whole, pointer) else {
        return Ok(());
    };
    let given = |row: &Value, name: &str| row.get(name).filter(|it| !it.is_null()).cloned();
    let mut added: Vec<Value> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let mut row = row.clone();
        if *pointer == "/ous" {
            let units: Vec<&Value> = held.iter().chain(&added).collect();
            name_parent_in_full(&units, &mut row);
        }
        let own = given(&row, id);
        let is_it = |old: &Value| match &own {
            Some(own) => old.get(*id) == Some(own),
            None => !names.is_empty() && names.iter().all(|it| given(old, it) == given(&row, it)),
        };
        let (mut before, others): (Vec<Value>, Vec<Value>) = held.drain(..).partition(is_it);
        *held = others;
        if own.is_none() && before.len() > 1 {
            let name = names.last().and_then(|name| given(&row, name));
            let text = format!(
                "more than one is called {}: give `{id}`",
                name.unwrap_or_default()
            );
            return Err(Refusal::bad(&format!("{pointer}/{index}"), &text));
        }
        let kept = before.pop().and_then(|old| given(&old, id));
        if let (Some(kept), Some(members)) = (kept, row.as_object_mut()) {
            members.insert((*id).to_owned(), kept);
        }
        added.push(row);
    }
    held.append(&mut added);
    Ok(())
}

/// Units are stored with their parents' paths; input may use a name or an id.
fn name_parent_in_full(held: &[&Value], row: &mut Value) {
    let text = |unit: &Value, name: &str| unit.get(name).and_then(Value::as_str).map(str::to_owned);
    let path = |unit: &Value| {
        let name = text(unit, "name").unwrap_or_default();
        match text(unit, "parent") {
            Some(parent) => format!("{parent}/{name}"),
            None => name,
        }
    };
    let Some(parent) = text(row, "parent") else {
        return;
    };
    if held.iter().any(|unit| path(unit) == parent) {
        return;
    }
    let is_meant = |unit: &&&Value| {
        let names = [text(unit, "id"), text(unit, "name")];
        names.contains(&Some(parent.clone()))
    };
    let mut meant = held.iter().filter(is_meant);
    if let (Some(unit), None, Some(members)) = (meant.next(), meant.next(), row.as_object_mut()) {
        members.insert("parent".to_owned(), path(unit).into());
    }
}

fn list_at<'a>(whole: &'a mut Value, pointer: &str) -> Option<&'a mut Vec<Value>> {
    let (parent, key) = pointer.rsplit_once('/')?;
    let members = whole.pointer_mut(parent)?.as_object_mut()?;
    members
        .entry(key)
        .or_insert_with(|| json!([]))
        .as_array_mut()
}
