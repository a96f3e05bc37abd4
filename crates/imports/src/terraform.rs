//! Resources of Terraform, or of `OpenTofu`: as a file has them, or as a plan or state does in JSON
//! (`terraform show -json`; Terraform documentation, "JSON Output Format").

use hallpass_rules::syntax::{Literal, Node, Value as NodeValue};
use serde_json::{Map, Number, Value};

/// How a setting is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Setting {
    /// With this value.
    Is(Value),
    /// As something that only Terraform computes.
    Computed,
    /// As something that only Terraform computes, for this reason.
    ComputedBy(String),
    /// As an attribute of a resource: `type.name.attribute`.
    Refers(String),
    /// In several places, and not the same.
    Several,
    /// Nowhere in a plan, in which it should be.
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

/// Whether JSON is a plan, or a state, of Terraform.
pub(crate) fn is_plan(whole: &Value) -> bool {
    whole.get("format_version").is_some() && values_of(whole).is_some()
}

/// What a plan will make, or a state has.
fn values_of(plan: &Value) -> Option<&Value> {
    plan.get("planned_values").or_else(|| plan.get("values"))
}

/// The resources of a plan or state as they stand there, those of its modules too.
pub(crate) fn of_plan(plan: &Value) -> Vec<&Value> {
    let mut resources = Vec::new();
    if let Some(root) = values_of(plan).and_then(|values| values.get("root_module")) {
        below(root, &mut resources);
    }
    resources
}

/// The resources of a module and of those below it.
fn below<'a>(module: &'a Value, found: &mut Vec<&'a Value>) {
    let list = |key: &str| module.get(key).and_then(Value::as_array);
    found.extend(list("resources").into_iter().flatten());
    for child in list("child_modules").into_iter().flatten() {
        below(child, found);
    }
}

/// That a plan is one to go by; a state always is.
///
/// # Errors
/// Why not, in words: what it lacks may be what forbids.
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
    "it is a plan that failed (`errored`), and what forbids may be missing: mend it and plan again";
const INCOMPLETE: &str = "it is part of a plan (`complete` is not true), and what forbids may be missing: plan again, \
                          without `-target`";

/// A value of a file as JSON.
pub(crate) fn value(node: &Node) -> Value {
    match &node.value {
        NodeValue::Null => Value::Null,
        NodeValue::Bool(flag) => Value::Bool(*flag),
        // a date, or a number that is none of JSON's, is what it was written as
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
