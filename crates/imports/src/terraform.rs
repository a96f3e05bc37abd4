//! Resources of Terraform, or of `OpenTofu`: as a file has them, or as a plan or state does in JSON
//! (`terraform show -json`; Terraform documentation, "JSON Output Format").

use std::collections::BTreeMap;

use hallpass_rules::syntax::{self, Literal, Node, Value as NodeValue};
use serde_json::{Map, Number, Value};

use crate::refused::{ImportRefused, refuse_errors};

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

/// A resource.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    /// Its type.
    pub(crate) kind: String,
    /// Its name there.
    pub(crate) name: String,
    /// The line it begins at, in a file that people write.
    pub(crate) line: Option<u32>,
    /// Its attributes.
    pub(crate) values: BTreeMap<String, Setting>,
}

impl Resource {
    /// A setting as text; a number as it is written.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        match self.values.get(key)? {
            Setting::Is(Value::String(text)) => Some(text.clone()),
            Setting::Is(Value::Number(number)) => Some(number.to_string()),
            Setting::Is(_)
            | Setting::Computed
            | Setting::ComputedBy(_)
            | Setting::Refers(_)
            | Setting::Several
            | Setting::NotInPlan => None,
        }
    }

    /// Whether only Terraform knows that there is one of it.
    pub(crate) fn is_counted(&self) -> bool {
        let one = Setting::Is(Value::from(1));
        self.values.contains_key("for_each")
            || self.values.get("count").is_some_and(|it| *it != one)
    }

    /// What names this resource from others: the id it has, and its address in the file.
    pub(crate) fn ids(&self) -> Vec<String> {
        let address = format!("{}.{}.id", self.kind, self.name);
        self.text("id").into_iter().chain([address]).collect()
    }

    /// The id that a setting has or refers to.
    pub(crate) fn id_of(&self, key: &str) -> Option<String> {
        match self.values.get(key)? {
            Setting::Refers(name) => Some(name.clone()),
            Setting::Is(_)
            | Setting::Computed
            | Setting::ComputedBy(_)
            | Setting::Several
            | Setting::NotInPlan => self.text(key),
        }
    }
}

/// What Terraform itself makes of a resource: no matter of what it says.
const META: [&str; 4] = ["depends_on", "lifecycle", "provider", "provisioner"];

/// The resources of a file, and the names of its modules with their lines.
pub(crate) type FileResources = (Vec<Resource>, Vec<(String, u32)>);

/// Reads a Terraform file.
///
/// # Errors
/// What is wrong with it, with its place.
pub(crate) fn of_file(file: &str, text: &str) -> Result<FileResources, ImportRefused> {
    let read = syntax::resources(text);
    refuse_errors(file, read.findings)?;
    let resource = |block: syntax::ResourceBlock| {
        let values = block.attributes.iter();
        Resource {
            kind: block.kind,
            name: block.name,
            line: Some(block.position.line),
            values: values
                .filter(|(key, _)| !META.contains(&key.as_str()))
                .map(|(key, it)| (key.clone(), it.into()))
                .collect(),
        }
    };
    let modules = read.modules.into_iter();
    let modules = modules.map(|(name, position)| (name, position.line));
    Ok((
        read.blocks.into_iter().map(resource).collect(),
        modules.collect(),
    ))
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

/// The resources of a plan or state, sources of data aside. In a plan, what only applying it makes known is
/// [`Setting::Computed`]: among the values themselves it is as what nobody set.
pub(crate) fn planned(plan: &Value) -> Vec<Resource> {
    let unknown = plan.get("planned_values").map(|_| unknown_of(plan));
    let resources = of_plan(plan).into_iter();
    resources
        .filter_map(|it| resource(it, unknown.as_ref()))
        .collect()
}

/// What of each resource of a plan only applying it makes known, by the resource's address.
fn unknown_of(plan: &Value) -> BTreeMap<&str, &Value> {
    let changes = plan.get("resource_changes").and_then(Value::as_array);
    let changes = changes.into_iter().flatten();
    let current = changes.filter(|it| it.get("deposed").is_none());
    let unknown = current.filter_map(|it| {
        let address = it.get("address")?.as_str()?;
        Some((address, it.pointer("/change/after_unknown")?))
    });
    unknown.collect()
}

fn resource(resource: &Value, unknown: Option<&BTreeMap<&str, &Value>>) -> Option<Resource> {
    let text = |key: &str| resource.get(key).and_then(Value::as_str);
    if text("mode") == Some("data") {
        return None;
    }
    let values = resource.get("values").and_then(Value::as_object);
    let values = values.into_iter().flatten();
    let values = values.filter(|(_, value)| !value.is_null());
    let mut values: BTreeMap<String, Setting> = values
        .map(|(key, value)| (key.clone(), Setting::Is(value.clone())))
        .collect();
    let of_it = unknown.map(|all| text("address").and_then(|it| all.get(it)));
    match of_it {
        None | Some(Some(Value::Bool(false))) => {}
        Some(Some(Value::Object(keys))) => {
            let keys = keys.iter().filter(|(_, it)| has_unknown(it));
            values.extend(keys.map(|(key, _)| (key.clone(), Setting::Computed)));
        }
        // nothing says what of it is known
        Some(_) => values.values_mut().for_each(|it| *it = Setting::Computed),
    }
    Some(Resource {
        kind: text("type")?.to_owned(),
        name: text("name").unwrap_or_default().to_owned(),
        line: None,
        values,
    })
}

/// Whether something in a value, or all of it, is not known yet.
fn has_unknown(value: &Value) -> bool {
    match value {
        Value::Bool(is) => *is,
        Value::Array(items) => items.iter().any(has_unknown),
        Value::Object(entries) => entries.values().any(has_unknown),
        Value::Null | Value::Number(_) | Value::String(_) => false,
    }
}

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
