//! Reads Terraform or `OpenTofu` resources from a file, or from a plan or state in JSON (`terraform
//! show -json`; Terraform documentation, "JSON Output Format").

use hallpass_rules::syntax::{Literal, Node, Value as NodeValue};
use serde_json::{Map, Number, Value};

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Setting {
    Is(Value),
    /// Known only to Terraform.
    Computed,
    /// Known only to Terraform, with the reason.
    ComputedBy(String),
    /// An attribute of a resource: `type.name.attribute`.
    Refers(String),
    /// Different values in several places.
    Several,
    /// Missing in the plan.
    NotInPlan,
}

impl From<&Literal> for Setting {
    fn from(literal: &Literal) -> Self {
        match literal {
            Literal::Is(node) => Self::Is(value(node)),
            Literal::Computed => Self::Computed,
            Literal::Refers(name) => Self::Refers(name.clone()),
        }
    }
}

pub(crate) fn is_plan(whole: &Value) -> bool {
    whole.get("format_version").is_some() && values_of(whole).is_some()
}

fn values_of(plan: &Value) -> Option<&Value> {
    plan.get("planned_values").or_else(|| plan.get("values"))
}

/// Resources of a plan or state, including modules.
pub(crate) fn of_plan(plan: &Value) -> Vec<&Value> {
    let mut resources = Vec::new();
    if let Some(root) = values_of(plan).and_then(|values| values.get("root_module")) {
        below(root, &mut resources);
    }
    resources
}

fn below<'a>(module: &'a Value, found: &mut Vec<&'a Value>) {
    let list = |key: &str| module.get(key).and_then(Value::as_array);
    found.extend(list("resources").into_iter().flatten());
    for child in list("child_modules").into_iter().flatten() {
        below(child, found);
    }
}

/// Checks that a plan is complete; a state always is.
///
/// # Errors
/// The reason: a missing part may contain the deny.
pub(crate) fn ensure_whole(plan: &Value) -> Result<(), &'static str> {
    let is_other = |key: &str, good: bool| plan.get(key).is_some_and(|it| *it != Value::Bool(good));
    if is_other("errored", false) {
        return Err(ERRORED);
    }
    if is_other("complete", true) {
        return Err(INCOMPLETE);
    }
    Ok(())
}

const ERRORED: &str =
    "it is a plan that failed (`errored`), and restrictions may be missing: fix it and plan again";
const INCOMPLETE: &str = "it is part of a plan (`complete` is not true), and restrictions may be missing: \
                          plan again, without `-target`";

pub(crate) fn value(node: &Node) -> Value {
    match &node.value {
        NodeValue::Null => Value::Null,
        NodeValue::Bool(flag) => Value::Bool(*flag),
        // a date, or a number invalid in JSON, stays text
        NodeValue::Number(text) => {
            { text.parse::<Number>() }.map_or_else(|_| Value::String(text.clone()), Value::Number)
        }
        NodeValue::Text(text) => Value::String(text.clone()),
        NodeValue::List(items) => items.iter().map(value).collect(),
        NodeValue::Map(entries) => {
            let entries = entries.iter().map(|it| (it.key.clone(), value(&it.value)));
            Value::Object(entries.collect::<Map<String, Value>>())
        }
    }
}
