//! Converts JSON and YAML to values, and values to JSON.

use std::collections::BTreeMap;

use hallpass_rules::Syntax;
use hallpass_rules::syntax::{self, Node, Value as NodeValue};
use serde_json::Value;

use super::value::{EvalProblem, HclKind, HclPlace, HclSpot, HclValue, whole};
use crate::strict_json::Strict;

/// # Errors
/// It is not JSON, or has a duplicate key.
pub(super) fn json(at: HclPlace, text: &str) -> Result<HclValue, EvalProblem> {
    let read = serde_json::from_str::<Strict>(text);
    let Strict(value) =
        read.map_err(|error| EvalProblem::unknown(at, format!("the text is not JSON: {error}")))?;
    Ok(of_json(at, value))
}

fn of_json(at: HclPlace, value: Value) -> HclValue {
    let kind = match value {
        Value::Null => HclKind::Null,
        Value::Bool(flag) => HclKind::Bool(flag),
        Value::Number(number) => HclKind::Number(number.to_string()),
        Value::String(text) => HclKind::Text(text),
        Value::Array(items) => {
            HclKind::List(items.into_iter().map(|item| of_json(at, item)).collect())
        }
        Value::Object(entries) => {
            let entries = entries.into_iter();
            HclKind::Map(entries.map(|(key, it)| (key, of_json(at, it))).collect())
        }
    };
    HclValue::new(at, kind)
}

/// Accepts one document without tags, merge keys and duplicate keys.
///
/// # Errors
/// The document has another form.
pub(super) fn yaml(at: HclPlace, text: &str) -> Result<HclValue, EvalProblem> {
    let read = syntax::documents(text, Syntax::Yaml);
    if let Some(error) = read.findings.iter().find(|it| it.is_error()) {
        let (line, why) = (error.position.line, &error.message);
        let message = format!("the text is not YAML that is read here: line {line}: {why}");
        return Err(EvalProblem::unknown(at, message));
    }
    match read.roots.as_slice() {
        [only] => of_node(&|_| at, only),
        _ => Err(EvalProblem::unknown(
            at,
            "the text is not one document of YAML",
        )),
    }
}

fn of_node(place: &impl Fn(&Node) -> HclPlace, node: &Node) -> Result<HclValue, EvalProblem> {
    let at = place(node);
    let kind = match &node.value {
        NodeValue::Null => HclKind::Null,
        NodeValue::Bool(flag) => HclKind::Bool(*flag),
        // readers differ on dates, octal numbers and similar
        NodeValue::Number(text) => number(at, text)?,
        NodeValue::Text(text) => HclKind::Text(text.clone()),
        NodeValue::List(items) => {
            let items = items.iter().map(|item| of_node(place, item));
            HclKind::List(items.collect::<Result<_, _>>()?)
        }
        NodeValue::Map(entries) => {
            let entries = entries.iter();
            let entries = entries.map(|it| Ok((it.key.clone(), of_node(place, &it.value)?)));
            HclKind::Map(entries.collect::<Result<BTreeMap<_, _>, EvalProblem>>()?)
        }
    };
    Ok(HclValue::new(at, kind))
}

/// Reads a JSON variable file; texts are literal.
///
/// # Errors
/// Other readers would reject the form of a number.
pub(super) fn literal(file: usize, node: &Node) -> Result<HclValue, EvalProblem> {
    let place = |node: &Node| HclPlace {
        file,
        spot: HclSpot::At(node.position),
    };
    of_node(&place, node)
}

/// # Errors
/// Readers differ on the number.
pub(super) fn number(at: HclPlace, text: &str) -> Result<HclKind, EvalProblem> {
    let is_number = whole(text).is_some()
        || text.contains(['.', 'e', 'E']) && text.parse::<serde_json::Number>().is_ok();
    if is_number {
        return Ok(HclKind::Number(text.to_owned()));
    }
    let message = "a number that readers interpret differently; put an account id in quotes";
    Err(EvalProblem::unknown(at, message))
}

/// JSON in Terraform's form: compact, keys sorted, HTML characters escaped.
///
/// # Errors
/// A part is unknown.
pub(super) fn encoded(value: &HclValue) -> Result<String, EvalProblem> {
    let mut text = String::new();
    for c in value.json()?.to_string().chars() {
        match c {
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            c => text.push(c),
        }
    }
    Ok(text)
}
