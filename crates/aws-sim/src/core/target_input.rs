//! Input of a rule's target: the event, a part, or other text (Amazon `EventBridge` User Guide,
//! "Amazon `EventBridge` input transformation").

use serde_json::{Map, Value};

use super::call::input_text;

#[derive(Debug, PartialEq)]
enum PathStep {
    Member(String),
    Element(usize),
}

/// Parses `$.detail.rows[0].id`. Brackets contain only numbers.
fn path(text: &str) -> Option<Vec<PathStep>> {
    let mut steps = Vec::new();
    let rest = text.strip_prefix('$')?;
    if rest.is_empty() {
        return Some(steps);
    }
    for part in rest.strip_prefix('.')?.split('.') {
        let (name, places) = part.split_at(part.find('[').unwrap_or(part.len()));
        if name.is_empty() {
            return None;
        }
        steps.push(PathStep::Member(name.to_owned()));
        for place in places.split_inclusive(']') {
            let place = place.strip_prefix('[')?.strip_suffix(']')?;
            steps.push(PathStep::Element(place.parse().ok()?));
        }
    }
    Some(steps)
}

fn at<'a>(event: &'a Value, text: &str) -> Option<&'a Value> {
    let steps = path(text)?;
    steps.iter().try_fold(event, |value, step| match step {
        PathStep::Member(name) => value.get(name),
        PathStep::Element(place) => value.get(place),
    })
}

pub(crate) struct RuleFacts<'a> {
    pub arn: &'a str,
    pub name: &'a str,
    /// Arrival of the event, RFC 3339.
    pub received: &'a str,
}

/// Returns an input error in AWS's words.
pub(crate) fn check(target: &Value) -> Result<(), String> {
    let id = input_text(target, "Id").unwrap_or_default();
    let forms = ["Input", "InputPath", "InputTransformer"];
    if forms.iter().filter(|it| target.get(**it).is_some()).count() > 1 {
        return Err(format!(
            "Only one of Input, InputPath, or InputTransformer must be provided for target {id}."
        ));
    }
    if let Some(text) = input_text(target, "Input")
        && serde_json::from_str::<Value>(text).is_err()
    {
        return Err(format!("JSON syntax error in input for target {id}."));
    }
    if let Some(text) = input_text(target, "InputPath")
        && path(text).is_none()
    {
        return Err(format!("Invalid InputPath for target {id}."));
    }
    let Some(transformer) = target.get("InputTransformer") else {
        return Ok(());
    };
    let paths = transformer.get("InputPathsMap").and_then(Value::as_object);
    for (name, wanted) in paths.into_iter().flatten() {
        if name.starts_with("AWS.") || path(wanted.as_str().unwrap_or_default()).is_none() {
            return Err(format!("Invalid InputPathsMap for target {id}: {name}."));
        }
    }
    let template = input_text(transformer, "InputTemplate").unwrap_or_default();
    let known = |name: &str| {
        name.starts_with("aws.events.") || paths.is_some_and(|it| it.contains_key(name))
    };
    let mut unknown = None;
    let made = filled(template, |name| {
        if !known(name) {
            unknown.get_or_insert_with(|| name.to_owned());
        }
        Some(Value::Null)
    });
    if let Some(name) = unknown {
        return Err(format!(
            "InputTemplate for target {id} contains invalid placeholder {name}."
        ));
    }
    let is_object = template.trim_start().starts_with('{');
    if is_object && serde_json::from_str::<Value>(&made).is_err() {
        return Err(format!("Invalid InputTemplate for target {id}."));
    }
    Ok(())
}

pub(crate) fn text(target: &Value, event: &Value, rule: &RuleFacts<'_>) -> String {
    if let Some(constant) = input_text(target, "Input") {
        return constant.to_owned();
    }
    if let Some(part) = input_text(target, "InputPath") {
        return at(event, part).map_or_else(|| "{}".to_owned(), Value::to_string);
    }
    let Some(transformer) = target.get("InputTransformer") else {
        return event.to_string();
    };
    let paths = transformer.get("InputPathsMap");
    let template = input_text(transformer, "InputTemplate").unwrap_or_default();
    filled(template, |name| match name {
        "aws.events.rule-arn" => Some(rule.arn.into()),
        "aws.events.rule-name" => Some(rule.name.into()),
        "aws.events.event.ingestion-time" => Some(rule.received.into()),
        "aws.events.event.json" => Some(event.clone()),
        "aws.events.event" => {
            let members = event.as_object().into_iter().flatten();
            let members = members.filter(|(name, _)| *name != "detail");
            let members: Map<String, Value> = members
                .map(|(name, it)| (name.clone(), it.clone()))
                .collect();
            Some(Value::Object(members))
        }
        _ => {
            let wanted = paths.and_then(|it| input_text(it, name))?;
            at(event, wanted).cloned()
        }
    })
}

/// Replaces each `<name>` in a template: as JSON, and within JSON quotes as text. Missing values
/// become empty.
fn filled(template: &str, mut value: impl FnMut(&str) -> Option<Value>) -> String {
    let is_json = template.trim_start().starts_with(['{', '"', '[']);
    let (mut made, mut rest, mut is_quoted) = (String::new(), template, false);
    while let Some(letter) = rest.chars().next() {
        let placeholder = rest
            .strip_prefix('<')
            .and_then(|it| it.split_once('>'))
            .filter(|(name, _)| is_name(name));
        if let Some((name, after)) = placeholder {
            made.push_str(&written(value(name), is_quoted, is_json));
            rest = after;
            continue;
        }
        let mut letters = rest.chars();
        letters.next();
        made.push(letter);
        if letter == '\\' && is_quoted {
            made.extend(letters.next());
        }
        is_quoted ^= letter == '"';
        rest = letters.as_str();
    }
    made
}

fn is_name(name: &str) -> bool {
    let plain = |it: char| it.is_ascii_alphanumeric() || "-_.".contains(it);
    !name.is_empty() && name.chars().all(plain)
}

fn written(value: Option<Value>, is_quoted: bool, is_json: bool) -> String {
    match value {
        None => String::new(),
        Some(Value::String(text)) if !is_json => text,
        Some(Value::String(text)) if is_quoted => unquoted(text),
        Some(other) if is_quoted => unquoted(other.to_string()),
        Some(other) => other.to_string(),
    }
}

fn unquoted(text: String) -> String {
    let quoted = Value::String(text).to_string();
    let inner = quoted.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    inner.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const RULE: RuleFacts<'_> = RuleFacts {
        arn: "arn:aws:events:eu-west-1:111111111111:rule/r",
        name: "r",
        received: "2026-03-02T10:00:00Z",
    };

    fn transformer(template: &str) -> Value {
        json!({ "Id": "t", "InputTransformer": {
            "InputPathsMap": { "who": "$.detail.who", "n": "$.detail.rows[1].n", "gone": "$.detail.none" },
            "InputTemplate": template,
        } })
    }

    #[test]
    fn targets_get_the_event_a_part_or_what_a_template_makes_of_it() {
        let event = json!({ "id": "e", "detail": { "who": "a \"b\"", "rows": [{}, { "n": 2 }] } });
        for (target, expected) in [
            (json!({}), event.to_string()),
            (json!({ "Input": "{\"a\": 1}" }), "{\"a\": 1}".to_owned()),
            (
                json!({ "InputPath": "$.detail.rows[1]" }),
                r#"{"n":2}"#.to_owned(),
            ),
            (json!({ "InputPath": "$" }), event.to_string()),
            (json!({ "InputPath": "$.nothing" }), "{}".to_owned()),
            (transformer("<who> has <n>"), "a \"b\" has 2".to_owned()),
            (
                transformer("\"<who> has <n>\""),
                r#""a \"b\" has 2""#.to_owned(),
            ),
            (
                transformer(r#"{"w": <who>, "n": <n>, "t": "n is <n><gone>"}"#),
                r#"{"w": "a \"b\"", "n": 2, "t": "n is 2"}"#.to_owned(),
            ),
            (
                transformer("{\"r\": <aws.events.rule-name>, \"e\": <aws.events.event>}"),
                r#"{"r": "r", "e": {"id":"e"}}"#.to_owned(),
            ),
            (transformer("a < b <n"), "a < b <n".to_owned()),
        ] {
            assert_eq!(text(&target, &event, &RULE), expected, "{target}");
        }
    }

    #[test]
    fn inputs_that_cannot_be_made_are_refused() {
        assert_eq!(check(&transformer(r#"{"w": <who>, "n": "<n>"}"#)), Ok(()));
        for (target, reason) in [
            (
                json!({ "Id": "t", "Input": "1", "InputPath": "$" }),
                "Only one of",
            ),
            (json!({ "Id": "t", "Input": "{" }), "JSON syntax error"),
            (json!({ "Id": "t", "InputPath": "detail" }), "InputPath"),
            (
                json!({ "Id": "t", "InputPath": "$['detail']" }),
                "InputPath",
            ),
            (
                transformer("<who> and <other>"),
                "invalid placeholder other",
            ),
            (transformer("{\"a\": }"), "Invalid InputTemplate"),
            (
                json!({ "Id": "t", "InputTransformer": { "InputPathsMap": { "a": "x" }, "InputTemplate": "<a>" } }),
                "InputPathsMap",
            ),
        ] {
            let refused = check(&target).expect_err("refused");
            assert!(refused.contains(reason), "{target}: {refused}");
        }
    }
}
