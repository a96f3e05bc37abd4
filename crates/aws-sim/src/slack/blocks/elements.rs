use serde_json::{Map, Value};

use super::report::{ANY, BlockErrors, PLAIN};

const OPTIONS_MAX: usize = 100;
const OPTION_TEXT_MAX: usize = 75;
const OPTION_VALUE_MAX: usize = 150;

pub(super) fn element(at: &str, value: &Value, kinds: &[&str], report: &mut BlockErrors) {
    let Some(fields) = value.as_object() else {
        report.add(at, "must be an object");
        return;
    };
    let Some(kind) = fields.get("type").and_then(Value::as_str) else {
        report.missing(at, "type");
        return;
    };
    if !kinds.contains(&kind) {
        report.add(&format!("{at}/type"), &format!("unsupported type: {kind}"));
        return;
    }
    report.string(at, fields, "action_id", 255);
    if let Some(text) = fields.get("placeholder") {
        report.text_object(&format!("{at}/placeholder"), Some(text), PLAIN, 150);
    }
    if let Some(confirm) = fields.get("confirm") {
        check_confirm(&format!("{at}/confirm"), confirm, report);
    }
    match kind {
        "button" => button(at, fields, report),
        "static_select" | "multi_static_select" => {
            static_options(at, fields, report);
            initial(at, fields, report);
        }
        "external_select" | "multi_external_select" => {
            if fields.contains_key("options") {
                report.add(&format!("{at}/options"), "must not be given here");
            }
            initial(at, fields, report);
        }
        "radio_buttons" | "checkboxes" => {
            options(&format!("{at}/options"), fields.get("options"), 10, report);
        }
        "overflow" => options(&format!("{at}/options"), fields.get("options"), 5, report),
        "plain_text_input" => text_input(at, fields, report),
        "image" => image(at, fields, report),
        _ => {}
    }
}

pub(super) fn image(at: &str, fields: &Map<String, Value>, report: &mut BlockErrors) {
    for (name, most) in [("image_url", 3_000), ("alt_text", 2_000)] {
        match fields.get(name).and_then(Value::as_str) {
            Some(text) => report.length(&format!("{at}/{name}"), text, most),
            None => report.missing(at, name),
        }
    }
}

fn button(at: &str, fields: &Map<String, Value>, report: &mut BlockErrors) {
    report.text_object(&format!("{at}/text"), fields.get("text"), PLAIN, 75);
    report.string(at, fields, "value", 2_000);
    report.string(at, fields, "url", 3_000);
    match fields.get("style").map(|style| style.as_str()) {
        None | Some(Some("primary" | "danger")) => {}
        Some(_) => report.add(&format!("{at}/style"), "must be one of primary, danger"),
    }
}

fn check_confirm(at: &str, value: &Value, report: &mut BlockErrors) {
    let Some(fields) = value.as_object() else {
        report.add(at, "must be an object");
        return;
    };
    for (name, kinds, most) in [
        ("title", PLAIN, 100),
        ("text", ANY, 300),
        ("confirm", PLAIN, 30),
        ("deny", PLAIN, 30),
    ] {
        report.text_object(&format!("{at}/{name}"), fields.get(name), kinds, most);
    }
}

fn static_options(at: &str, fields: &Map<String, Value>, report: &mut BlockErrors) {
    match (fields.get("options"), fields.get("option_groups")) {
        (Some(_), Some(_)) => report.add(at, "give options or option_groups, not both"),
        (None, None) => report.missing(at, "options"),
        (Some(list), None) => options(&format!("{at}/options"), Some(list), OPTIONS_MAX, report),
        (None, Some(list)) => groups(&format!("{at}/option_groups"), list, report),
    }
}

fn groups(path: &str, list: &Value, report: &mut BlockErrors) {
    for (index, group) in report
        .list(path, Some(list), OPTIONS_MAX)
        .iter()
        .enumerate()
    {
        let at = format!("{path}/{index}");
        report.text_object(&format!("{at}/label"), group.get("label"), PLAIN, 75);
        options(
            &format!("{at}/options"),
            group.get("options"),
            OPTIONS_MAX,
            report,
        );
    }
}

fn options(path: &str, list: Option<&Value>, most: usize, report: &mut BlockErrors) {
    for (index, option) in report.list(path, list, most).iter().enumerate() {
        one_option(&format!("{path}/{index}"), option, report);
    }
}

fn one_option(at: &str, option: &Value, report: &mut BlockErrors) {
    let Some(fields) = option.as_object() else {
        report.add(at, "must be an object");
        return;
    };
    report.text_object(
        &format!("{at}/text"),
        fields.get("text"),
        ANY,
        OPTION_TEXT_MAX,
    );
    match fields.get("value") {
        Some(Value::String(value)) => {
            report.length(&format!("{at}/value"), value, OPTION_VALUE_MAX);
        }
        Some(_) => report.add(&format!("{at}/value"), "must be a string"),
        None => report.missing(at, "value"),
    }
    if let Some(text) = fields.get("description") {
        report.text_object(
            &format!("{at}/description"),
            Some(text),
            ANY,
            OPTION_TEXT_MAX,
        );
    }
}

fn initial(at: &str, fields: &Map<String, Value>, report: &mut BlockErrors) {
    let Some(chosen) = fields.get("initial_option") else {
        return;
    };
    let path = format!("{at}/initial_option");
    one_option(&path, chosen, report);
    if let Some(list) = fields.get("options").and_then(Value::as_array)
        && !list.contains(chosen)
    {
        report.add(&path, "must be one of the options");
    }
}

fn text_input(at: &str, fields: &Map<String, Value>, report: &mut BlockErrors) {
    let mut number = |name: &str, most: u64| match fields.get(name) {
        None => {}
        Some(value) if value.as_u64().is_some_and(|number| number <= most) => {}
        Some(_) => report.add(&format!("{at}/{name}"), &format!("must be at most {most}")),
    };
    number("max_length", 3_000);
    number("min_length", 3_000);
    report.string(at, fields, "initial_value", 3_000);
}

/// Returns the options of a `block_suggestion` answer.
///
/// # Errors
/// The problems, place by place.
pub(crate) fn offered(body: &Value) -> Result<Vec<Value>, Vec<String>> {
    let mut report = BlockErrors::default();
    let mut found = Vec::new();
    match (body.get("options"), body.get("option_groups")) {
        (Some(Value::Array(list)), None) => {
            if !list.is_empty() {
                options("/options", body.get("options"), OPTIONS_MAX, &mut report);
            }
            found.extend(list.iter().cloned());
        }
        (None, Some(Value::Array(list))) => {
            groups("/option_groups", &Value::Array(list.clone()), &mut report);
            let inner = list
                .iter()
                .filter_map(|group| group.get("options")?.as_array());
            found.extend(inner.flatten().cloned());
        }
        _ => report.add("", "must provide options or option_groups"),
    }
    if report.messages.is_empty() {
        Ok(found)
    } else {
        Err(report.messages)
    }
}
