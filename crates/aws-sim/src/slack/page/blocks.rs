//! Renders message blocks and modal inputs as HTML.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::mrkdwn::{MessageReader, escape, mrkdwn, plain, unformatted};
use crate::slack::workspace::ModalView;

const UNFOLDED_MAX: usize = 12;

#[derive(Clone, Copy)]
pub(super) enum Home<'a> {
    Message(&'a str, &'a str),
    View(&'a ModalView),
}

impl Home<'_> {
    fn words(self, block: &str, element: &Value) -> String {
        let action = field(element, "action_id");
        let words = match self {
            Self::Message(channel, ts) => json!({
                "channel": channel, "message_ts": ts, "block_id": block, "action_id": action,
            }),
            Self::View(view) => json!({
                "view_id": view.id, "block_id": block, "action_id": action,
            }),
        };
        escape(&words.to_string())
    }
}

pub(super) fn field<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn text(value: Option<&Value>, reader: &MessageReader<'_>) -> String {
    let Some(value) = value else {
        return String::new();
    };
    match field(value, "type") {
        "mrkdwn" => mrkdwn(field(value, "text"), reader),
        _ if value.get("emoji") == Some(&Value::Bool(false)) => unformatted(field(value, "text")),
        _ => plain(field(value, "text")),
    }
}

pub(super) fn blocks(list: Option<&Value>, home: Home<'_>, reader: &MessageReader<'_>) -> String {
    let mut out = String::new();
    for block in list.and_then(Value::as_array).into_iter().flatten() {
        one(block, home, reader, &mut out);
    }
    out
}

fn one(block: &Value, home: Home<'_>, reader: &MessageReader<'_>, out: &mut String) {
    let id = field(block, "block_id");
    match field(block, "type") {
        "header" => {
            let _ = write!(
                out,
                "<h3 class=\"bk-h\">{}</h3>",
                text(block.get("text"), reader)
            );
        }
        "divider" => out.push_str("<hr>"),
        "section" => section(block, id, home, reader, out),
        "context" => {
            out.push_str("<div class=\"bk-c\">");
            for element in block
                .get("elements")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                let _ = write!(out, "<span>{}</span>", text(Some(element), reader));
            }
            out.push_str("</div>");
        }
        "actions" => {
            out.push_str("<div class=\"bk-a\">");
            for element in block
                .get("elements")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                out.push_str(&self::element(element, id, home, reader, "Choose"));
            }
            out.push_str("</div>");
        }
        "input" => input(block, id, home, reader, out),
        "rich_text" => {
            let _ = write!(out, "<p>{}</p>", escape(&rich(block)));
        }
        "image" => {
            let _ = write!(
                out,
                "<p class=\"bk-c\">[{}]</p>",
                escape(field(block, "alt_text"))
            );
        }
        _ => {}
    }
}

fn rich(value: &Value) -> String {
    match value {
        Value::Array(items) => items.iter().map(rich).collect(),
        Value::Object(fields) => {
            let own = fields
                .get("text")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let inner = fields.get("elements").map(rich).unwrap_or_default();
            format!("{own}{inner}")
        }
        _ => String::new(),
    }
}

fn section(block: &Value, id: &str, home: Home<'_>, reader: &MessageReader<'_>, out: &mut String) {
    out.push_str("<div class=\"bk-s\"><div class=\"grow\">");
    let label = block.get("text").map(|_| text(block.get("text"), reader));
    if let Some(label) = &label {
        let _ = write!(out, "<div class=\"bk-t\">{label}</div>");
    }
    if let Some(fields) = block.get("fields").and_then(Value::as_array) {
        out.push_str("<div class=\"bk-f\">");
        for one in fields {
            let _ = write!(out, "<div>{}</div>", text(Some(one), reader));
        }
        out.push_str("</div>");
    }
    out.push_str("</div>");
    if let Some(accessory) = block.get("accessory") {
        let name = block
            .get("text")
            .map(|one| field(one, "text"))
            .unwrap_or_default();
        out.push_str(&element(accessory, id, home, reader, name));
    }
    out.push_str("</div>");
}

fn element(
    element: &Value,
    block: &str,
    home: Home<'_>,
    reader: &MessageReader<'_>,
    name: &str,
) -> String {
    let words = home.words(block, element);
    match field(element, "type") {
        "button" => button(element, &words, reader),
        "static_select" | "external_select" | "radio_buttons" | "overflow" => {
            select(element, block, home, name, None)
        }
        _ => String::new(),
    }
}

fn button(element: &Value, words: &str, reader: &MessageReader<'_>) -> String {
    let style = match field(element, "style") {
        "primary" => " go",
        "danger" => " stop",
        _ => "",
    };
    let mut ask = String::new();
    if let Some(confirm) = element.get("confirm") {
        let part = |name: &str| field(confirm.get(name).unwrap_or(&Value::Null), "text").to_owned();
        let asked = json!({
            "title": part("title"), "text": part("text"), "confirm": part("confirm"),
            "deny": part("deny"),
        });
        ask = format!(" data-ask=\"{}\"", escape(&asked.to_string()));
    }
    format!(
        "<button type=\"button\" class=\"btn{style}\" data-click=\"{words}\"{ask}>{}</button>",
        text(element.get("text"), reader)
    )
}

fn options(element: &Value) -> Vec<&Value> {
    let own = element.get("options").and_then(Value::as_array);
    let groups = element.get("option_groups").and_then(Value::as_array);
    let grouped = groups.into_iter().flatten();
    let grouped = grouped.filter_map(|group| group.get("options")?.as_array());
    own.into_iter().flatten().chain(grouped.flatten()).collect()
}

fn label_of(option: &Value) -> &str {
    option
        .pointer("/text/text")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn touched<'a>(element: &Value, block: &str, home: Home<'a>) -> Option<&'a Value> {
    match home {
        Home::View(view) => view.values.get(block)?.get(field(element, "action_id")),
        Home::Message(..) => None,
    }
}

fn held<'a>(element: &'a Value, block: &str, home: Home<'a>) -> Option<&'a Value> {
    match touched(element, block, home) {
        Some(value) => value
            .get("selected_option")
            .filter(|option| option.is_object()),
        None => element.get("initial_option"),
    }
}

fn select(
    element: &Value,
    block: &str,
    home: Home<'_>,
    name: &str,
    label: Option<(&str, &str)>,
) -> String {
    let words = home.words(block, element);
    let remote = field(element, "type").ends_with("external_select");
    let options = options(element);
    let chosen = held(element, block, home);
    let hint = element
        .get("placeholder")
        .map_or("Choose", |one| field(one, "text"));
    let named = match label {
        Some((id, described)) => format!(" id=\"{id}\"{described}"),
        None => format!(
            " aria-label=\"{}\"",
            escape(&if name.is_empty() { hint } else { name }.replace(['*', '_', '~', '`'], ""))
        ),
    };
    if !remote && options.len() <= UNFOLDED_MAX {
        return unfolded(
            &options,
            chosen,
            hint,
            &format!("{named} data-choose=\"{words}\""),
        );
    }
    let least = element
        .get("min_query_length")
        .and_then(Value::as_u64)
        .unwrap_or(3);
    let shown = chosen.map(label_of).unwrap_or_default();
    let list = format!(
        "list-{}",
        escape(&format!("{block}-{}", field(element, "action_id")))
    );
    let kind = if remote {
        format!(" data-remote=\"{least}\"")
    } else {
        String::new()
    };
    let mut out = String::new();
    let _ = write!(
        out,
        "<div class=\"combo\" data-combo=\"{words}\"{kind}><input class=\"in\" role=\"combobox\" \
         autocomplete=\"off\" spellcheck=\"false\" aria-expanded=\"false\" \
         aria-autocomplete=\"list\" aria-controls=\"{list}\" placeholder=\"{}\" value=\"{}\"\
         {named}><ul class=\"list\" role=\"listbox\" id=\"{list}\" aria-label=\"Suggestions\" \
         hidden>",
        escape(hint),
        escape(shown)
    );
    for option in options {
        let _ = write!(
            out,
            "<li role=\"option\" data-value=\"{}\">{}</li>",
            escape(field(option, "value")),
            plain(label_of(option))
        );
    }
    out.push_str("</ul></div>");
    out
}

/// Renders a multi-select: the same search, with removable choices below.
fn several(element: &Value, block: &str, home: Home<'_>, label: (&str, &str)) -> String {
    let mut out = select(element, block, home, "", Some(label));
    out.push_str("<ul class=\"chosen\" data-chosen>");
    for option in chosen_of(element, block, home) {
        let words = plain(label_of(option));
        let _ = write!(
            out,
            "<li data-value=\"{}\"><span>{words}</span> <button type=\"button\" class=\"btn\" \
             data-unchoose aria-label=\"Take back {words}\">×</button></li>",
            escape(field(option, "value"))
        );
    }
    out.push_str("</ul>");
    out
}

fn chosen_of<'a>(element: &'a Value, block: &str, home: Home<'a>) -> Vec<&'a Value> {
    let chosen = match touched(element, block, home) {
        Some(value) => value.get("selected_options"),
        None => element.get("initial_options"),
    };
    let chosen = chosen.and_then(Value::as_array);
    chosen.into_iter().flatten().collect()
}

fn unfolded(options: &[&Value], chosen: Option<&Value>, hint: &str, named: &str) -> String {
    let mut out = format!("<select class=\"in\"{named}>");
    if chosen.is_none() {
        let _ = write!(out, "<option value=\"\">{}</option>", escape(hint));
    }
    for option in options {
        let value = field(option, "value");
        let on = chosen.is_some_and(|chosen| field(chosen, "value") == value);
        let on = if on { " selected" } else { "" };
        let label = plain(label_of(option));
        let _ = write!(
            out,
            "<option value=\"{}\"{on}>{label}</option>",
            escape(value)
        );
    }
    out.push_str("</select>");
    out
}

fn input(block: &Value, id: &str, home: Home<'_>, reader: &MessageReader<'_>, out: &mut String) {
    let Some(element) = block.get("element") else {
        return;
    };
    let error = match home {
        Home::View(view) => view.errors.get(id),
        Home::Message(..) => None,
    };
    let name = escape(&format!("f-{id}"));
    let optional = block.get("optional") == Some(&Value::Bool(true));
    let _ = write!(
        out,
        "<div class=\"field\"><label for=\"{name}\">{}{}</label>",
        text(block.get("label"), reader),
        if optional {
            " <span class=\"muted\">(optional)</span>"
        } else {
            ""
        }
    );
    let hint = block.get("hint").map(|hint| text(Some(hint), reader));
    let mut described = String::new();
    let mut by = Vec::new();
    if hint.is_some() {
        by.push(format!("{name}-hint"));
    }
    if error.is_some() {
        by.push(format!("{name}-err"));
        described.push_str(" aria-invalid=\"true\"");
    }
    if !by.is_empty() {
        let _ = write!(described, " aria-describedby=\"{}\"", by.join(" "));
    }
    match field(element, "type") {
        "plain_text_input" => typed(element, id, home, &name, &described, out),
        "static_select" | "external_select" | "radio_buttons" => {
            out.push_str(&select(element, id, home, "", Some((&name, &described))));
        }
        "multi_external_select" => {
            out.push_str(&several(element, id, home, (&name, &described)));
        }
        "datetimepicker" => {
            let action = escape(field(element, "action_id"));
            let block = escape(id);
            let _ = write!(
                out,
                "<input type=\"datetime-local\" class=\"in\" id=\"{name}\"{described} \
                 data-block=\"{block}\" data-action=\"{action}\">"
            );
        }
        _ => out.push_str("<p class=\"hint\">This kind of input is not drawn here.</p>"),
    }
    if let Some(hint) = hint {
        let _ = write!(out, "<p class=\"hint\" id=\"{name}-hint\">{hint}</p>");
    }
    if let Some(error) = error {
        let sentence = escape(error);
        let _ = write!(out, "<p class=\"err\" id=\"{name}-err\">{sentence}</p>");
    }
    out.push_str("</div>");
}

fn typed(
    element: &Value,
    block: &str,
    home: Home<'_>,
    name: &str,
    described: &str,
    out: &mut String,
) {
    let action = field(element, "action_id");
    let held = match home {
        Home::View(view) => view
            .values
            .get(block)
            .and_then(|actions| actions.get(action)),
        Home::Message(..) => None,
    };
    let value = held.map_or(field(element, "initial_value"), |held| field(held, "value"));
    let hint = element
        .get("placeholder")
        .map_or("", |one| field(one, "text"));
    let most = element
        .get("max_length")
        .and_then(Value::as_u64)
        .unwrap_or(3_000);
    let shared = format!(
        "class=\"in\" id=\"{name}\"{described} data-block=\"{}\" data-action=\"{}\" \
         maxlength=\"{most}\" placeholder=\"{}\"",
        escape(block),
        escape(action),
        escape(hint)
    );
    if element.get("multiline") == Some(&Value::Bool(true)) {
        let _ = write!(
            out,
            "<textarea rows=\"4\" {shared}>{}</textarea>",
            escape(value)
        );
    } else {
        let _ = write!(
            out,
            "<input type=\"text\" {shared} value=\"{}\">",
            escape(value)
        );
    }
}
