//! Validates blocks and views as Slack does (`simulator.md` K-2). Every problem names its place.

mod elements;
mod layout;
mod report;

use serde_json::{Map, Value};

pub(crate) use elements::offered;
pub(crate) use layout::inputs;
use report::BlockErrors;

/// Characters of all texts of a message's blocks together (seen in the field).
pub(crate) const BLOCK_TEXT_MAX: usize = 13_000;
pub(crate) const VIEW_BYTES_MAX: usize = 250 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    Message,
    Modal,
}

/// Returns the problems; empty if valid.
pub(crate) fn check_message(blocks: &Value) -> Vec<String> {
    let mut report = BlockErrors::default();
    layout::blocks(Surface::Message, "/blocks", blocks, &mut report);
    report.messages
}

/// Returns the problems; empty if valid.
pub(crate) fn check_view(view: &Value) -> Vec<String> {
    let mut report = BlockErrors::default();
    let Some(fields) = view.as_object() else {
        report.add("/view", "must be an object");
        return report.messages;
    };
    match fields.get("type").and_then(Value::as_str) {
        Some("modal") => {}
        Some(_) => report.add("/view/type", "unsupported type: only modal is simulated"),
        None => report.missing("/view", "type"),
    }
    if fields.contains_key("title") {
        report.text_object("/view/title", fields.get("title"), report::PLAIN, 24);
    } else {
        report.missing("/view", "title");
    }
    for name in ["submit", "close"] {
        if let Some(text) = fields.get(name) {
            report.text_object(&format!("/view/{name}"), Some(text), report::PLAIN, 24);
        }
    }
    for (name, most) in [
        ("callback_id", 255),
        ("external_id", 255),
        ("private_metadata", 3_000),
    ] {
        report.string("/view", fields, name, most);
    }
    match fields.get("blocks") {
        Some(blocks) => layout::blocks(Surface::Modal, "/view/blocks", blocks, &mut report),
        None => report.missing("/view", "blocks"),
    }
    let asks = has_input(fields);
    if asks && !fields.contains_key("submit") {
        report.missing("/view", "submit");
    }
    report.messages
}

fn has_input(view: &Map<String, Value>) -> bool {
    let blocks = view.get("blocks").and_then(Value::as_array);
    blocks
        .into_iter()
        .flatten()
        .any(|block| block.get("type").and_then(Value::as_str) == Some("input"))
}

pub(crate) fn text_length(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(text_length).sum(),
        Value::Object(fields) => {
            let own = fields.get("text").and_then(Value::as_str);
            let own = own.map_or(0, |text| text.chars().count());
            own + fields.values().map(text_length).sum::<usize>()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}
