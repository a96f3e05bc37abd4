use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{
    Surface, elements,
    report::{ANY, BlockErrors, PLAIN},
};

const ACCESSORIES: &[&str] = &[
    "button",
    "checkboxes",
    "datepicker",
    "image",
    "multi_external_select",
    "multi_static_select",
    "overflow",
    "radio_buttons",
    "static_select",
    "external_select",
    "timepicker",
    "users_select",
];
const ACTIONS: &[&str] = &[
    "button",
    "checkboxes",
    "datepicker",
    "datetimepicker",
    "external_select",
    "multi_external_select",
    "multi_static_select",
    "overflow",
    "radio_buttons",
    "static_select",
    "timepicker",
    "users_select",
];
const INPUTS: &[&str] = &[
    "checkboxes",
    "datepicker",
    "datetimepicker",
    "external_select",
    "multi_external_select",
    "multi_static_select",
    "plain_text_input",
    "radio_buttons",
    "static_select",
    "timepicker",
    "users_select",
];

pub(super) fn blocks(surface: Surface, path: &str, value: &Value, report: &mut BlockErrors) {
    let Some(items) = value.as_array() else {
        report.add(path, "must provide an array");
        return;
    };
    let most = match surface {
        Surface::Message => 50,
        Surface::Modal => 100,
    };
    if items.len() > most {
        report.add(path, &format!("no more than {most} items allowed"));
    }
    if items.is_empty() && surface == Surface::Modal {
        report.add(path, "no less than 1 items required");
    }
    let mut ids = HashSet::new();
    for (index, item) in items.iter().enumerate() {
        let at = format!("{path}/{index}");
        let Some(fields) = item.as_object() else {
            report.add(&at, "must be an object");
            continue;
        };
        report.string(&at, fields, "block_id", 255);
        let id = fields.get("block_id").and_then(Value::as_str);
        if id.is_some_and(|id| !ids.insert(id)) {
            let text = format!("`block_id` already exists: {}", id.unwrap_or_default());
            report.add(&format!("{at}/block_id"), &text);
        }
        block(surface, &at, fields, report);
    }
}

fn block(surface: Surface, at: &str, fields: &Map<String, Value>, report: &mut BlockErrors) {
    let Some(kind) = fields.get("type").and_then(Value::as_str) else {
        report.missing(at, "type");
        return;
    };
    match kind {
        "section" => section(at, fields, report),
        "header" => report.text_object(&format!("{at}/text"), fields.get("text"), PLAIN, 150),
        "divider" => {}
        "context" => context(at, fields, report),
        "actions" => actions(at, fields, report),
        "input" => input(surface, at, fields, report),
        "image" => elements::image(at, fields, report),
        "rich_text" => {
            report.list(
                &format!("{at}/elements"),
                fields.get("elements"),
                usize::MAX,
            );
        }
        other => report.add(&format!("{at}/type"), &format!("unsupported type: {other}")),
    }
}

fn section(at: &str, fields: &Map<String, Value>, report: &mut BlockErrors) {
    if fields.get("text").is_none() && fields.get("fields").is_none() {
        report.missing(at, "text");
    }
    if let Some(text) = fields.get("text") {
        report.text_object(&format!("{at}/text"), Some(text), ANY, 3_000);
    }
    if let Some(list) = fields.get("fields") {
        let path = format!("{at}/fields");
        for (index, text) in report.list(&path, Some(list), 10).iter().enumerate() {
            report.text_object(&format!("{path}/{index}"), Some(text), ANY, 2_000);
        }
    }
    if let Some(element) = fields.get("accessory") {
        elements::element(&format!("{at}/accessory"), element, ACCESSORIES, report);
    }
}

fn context(at: &str, fields: &Map<String, Value>, report: &mut BlockErrors) {
    let path = format!("{at}/elements");
    for (index, element) in report
        .list(&path, fields.get("elements"), 10)
        .iter()
        .enumerate()
    {
        let at = format!("{path}/{index}");
        let kind = element.get("type").and_then(Value::as_str);
        match (kind, element.as_object()) {
            (Some("image"), Some(fields)) => elements::image(&at, fields, report),
            // the documentation names no limit; section texts have this one
            _ => report.text_object(&at, Some(element), ANY, 3_000),
        }
    }
}

fn actions(at: &str, fields: &Map<String, Value>, report: &mut BlockErrors) {
    let path = format!("{at}/elements");
    let mut ids = HashSet::new();
    for (index, element) in report
        .list(&path, fields.get("elements"), 25)
        .iter()
        .enumerate()
    {
        let at = format!("{path}/{index}");
        elements::element(&at, element, ACTIONS, report);
        let id = element.get("action_id").and_then(Value::as_str);
        if id.is_some_and(|id| !ids.insert(id)) {
            let text = format!("`action_id` already exists: {}", id.unwrap_or_default());
            report.add(&format!("{at}/action_id"), &text);
        }
    }
}

fn input(surface: Surface, at: &str, fields: &Map<String, Value>, report: &mut BlockErrors) {
    if surface == Surface::Message {
        report.add(
            &format!("{at}/type"),
            "input blocks may stand in modals only",
        );
    }
    report.text_object(&format!("{at}/label"), fields.get("label"), PLAIN, 2_000);
    if let Some(hint) = fields.get("hint") {
        report.text_object(&format!("{at}/hint"), Some(hint), PLAIN, 2_000);
    }
    for name in ["optional", "dispatch_action"] {
        if fields.get(name).is_some_and(|value| !value.is_boolean()) {
            report.add(&format!("{at}/{name}"), "must be a boolean");
        }
    }
    match fields.get("element") {
        Some(element) => elements::element(&format!("{at}/element"), element, INPUTS, report),
        None => report.missing(at, "element"),
    }
}

pub(crate) fn inputs(view: &Map<String, Value>) -> Vec<&str> {
    let blocks = view.get("blocks").and_then(Value::as_array);
    blocks
        .into_iter()
        .flatten()
        .filter(|block| block.get("type").and_then(Value::as_str) == Some("input"))
        .filter_map(|block| block.get("block_id").and_then(Value::as_str))
        .collect()
}
