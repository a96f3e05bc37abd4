//! Converts typed or chosen input to the value a view holds.

use std::collections::BTreeMap;

use crate::base::Refusal;
use serde_json::{Map, Value, json};

use super::find::{Container, Element};
use crate::slack::{
    methods::state,
    text::is_suspicious,
    workspace::{ModalView, Workspace},
};

pub(super) fn value(
    space: &mut Workspace,
    container: &Container,
    found: &Element,
    given: &Value,
) -> Result<Value, Refusal> {
    let kind = found.kind();
    // values in Slack's form are taken unchanged, also forged ones
    if given.get("type").and_then(Value::as_str) == Some(kind) {
        return Ok(given.clone());
    }
    let texts = || -> Vec<String> {
        match given {
            Value::Array(list) => list
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            Value::String(text) => vec![text.clone()],
            _ => Vec::new(),
        }
    };
    match kind {
        "plain_text_input" => {
            let typed = given.as_str().unwrap_or_default();
            if is_suspicious(typed) {
                space.typed.insert(typed.to_owned());
            }
            let typed = (!typed.is_empty()).then_some(typed);
            Ok(json!({ "type": kind, "value": typed }))
        }
        "datepicker" => Ok(json!({ "type": kind, "selected_date": given })),
        "datetimepicker" => {
            let seconds = given.as_i64();
            Ok(json!({ "type": kind, "selected_date_time": seconds }))
        }
        "timepicker" => Ok(json!({ "type": kind, "selected_time": given })),
        "users_select" => Ok(json!({ "type": kind, "selected_user": given })),
        "checkboxes" | "multi_static_select" | "multi_external_select" => {
            let chosen: Result<Vec<Value>, Refusal> = texts()
                .iter()
                .map(|text| option(space, container, found, text))
                .collect();
            Ok(json!({ "type": kind, "selected_options": chosen? }))
        }
        _ if given.is_null() || given.as_str() == Some("") => {
            Ok(json!({ "type": kind, "selected_option": null }))
        }
        _ => {
            let wanted = given
                .as_str()
                .or_else(|| given.get("value").and_then(Value::as_str));
            let chosen = option(space, container, found, wanted.unwrap_or_default())?;
            Ok(json!({ "type": kind, "selected_option": chosen }))
        }
    }
}

/// Finds an offered option by value, else by text.
fn option(
    space: &Workspace,
    container: &Container,
    found: &Element,
    wanted: &str,
) -> Result<Value, Refusal> {
    let mut offered: Vec<Value> = listed(&found.element);
    let place = (
        container.id().to_owned(),
        found.block_id().to_owned(),
        found.action_id().to_owned(),
    );
    offered.extend(space.offered.get(&place).cloned().unwrap_or_default());
    offered.extend(found.element.get("initial_option").cloned());
    if let Container::View(view) = container {
        offered.extend(held(view, found).into_iter().cloned());
    }
    let by_value = offered
        .iter()
        .find(|option| option.get("value").and_then(Value::as_str) == Some(wanted));
    let by_text = || {
        let text =
            |option: &&Value| option.pointer("/text/text").and_then(Value::as_str) == Some(wanted);
        offered.iter().find(text)
    };
    by_value.or_else(by_text).cloned().ok_or_else(|| {
        let hint = if found.kind().contains("external") {
            " (type into it first, then it offers something)"
        } else {
            ""
        };
        let text = format!("`{}` offers no `{wanted}`{hint}", found.action_id());
        Refusal::bad("value", &text)
    })
}

/// Current values: may be chosen again.
fn held<'a>(view: &'a ModalView, found: &Element) -> Vec<&'a Value> {
    let values = view.values.get(found.block_id());
    let Some(held) = values.and_then(|values| values.get(found.action_id())) else {
        return Vec::new();
    };
    let several = held.get("selected_options").and_then(Value::as_array);
    let one = held.get("selected_option").filter(|one| one.is_object());
    several.into_iter().flatten().chain(one).collect()
}

pub(super) fn listed(element: &Map<String, Value>) -> Vec<Value> {
    let own = element.get("options").and_then(Value::as_array);
    let groups = element.get("option_groups").and_then(Value::as_array);
    let grouped = groups
        .into_iter()
        .flatten()
        .filter_map(|group| group.get("options")?.as_array())
        .flatten();
    own.into_iter().flatten().chain(grouped).cloned().collect()
}

/// Finds input that Slack rejects before calling the app: block id → sentence.
pub(super) fn incomplete(view: &ModalView) -> BTreeMap<String, String> {
    let held = state(view);
    let mut found = BTreeMap::new();
    let blocks = view.content.get("blocks").and_then(Value::as_array);
    for block in blocks.into_iter().flatten() {
        if block.get("type").and_then(Value::as_str) != Some("input") {
            continue;
        }
        let (Some(id), Some(element)) = (
            block.get("block_id").and_then(Value::as_str),
            block.get("element"),
        ) else {
            continue;
        };
        let action = element
            .get("action_id")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let value = held
            .get("values")
            .and_then(|values| values.get(id)?.get(action));
        let optional = block.get("optional") == Some(&Value::Bool(true));
        if let Some(sentence) = lack(element, value, optional) {
            found.insert(id.to_owned(), sentence);
        }
    }
    found
}

fn lack(element: &Value, value: Option<&Value>, optional: bool) -> Option<String> {
    let filled = value
        .and_then(Value::as_object)?
        .iter()
        .any(|(name, value)| {
            let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
            name != "type" && !empty && value.as_str() != Some("")
        });
    if !filled {
        let sentence = "Please complete this required field.".to_owned();
        return (!optional).then_some(sentence);
    }
    let typed = value?.get("value")?.as_str()?;
    let length = u64::try_from(typed.chars().count()).unwrap_or(u64::MAX);
    let bound = |name: &str| element.get(name).and_then(Value::as_u64);
    // Slack's limit applies where the app sets none
    let most = bound("max_length").unwrap_or(3_000);
    if length > most {
        return Some(format!("This entry may have at most {most} characters."));
    }
    let least = bound("min_length").filter(|least| length < *least)?;
    Some(format!("This entry needs at least {least} characters."))
}
