//! What of sso-elevator a file holds, whichever of its forms it has.

use std::collections::BTreeMap;
use std::fmt;

use hallpass_rules::syntax::{self, Literal, Node, Value as NodeValue};
use hallpass_rules::{Diagnostic, RuleFile, Syntax, load};
use serde_json::{Map, Number, Value};

use super::plan;
use crate::strict_json::Strict;

/// Why nothing was imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ElevatorRefused {
    /// A rule file that would not be loaded: each error with its place.
    Statements(Vec<Diagnostic>),
    /// Not JSON, or cut off.
    NotJson(String),
    /// A plan in which what is looked for is not there, or not known yet.
    Plan(String),
}

impl fmt::Display for ElevatorRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Statements(errors) => match errors.as_slice() {
                [only] => fmt::Display::fmt(only, f),
                _ => write!(f, "{} errors", errors.len()),
            },
            Self::NotJson(why) => write!(f, "not JSON, or cut off: {why}"),
            Self::Plan(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ElevatorRefused {}

/// How a setting is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Setting {
    /// With this value.
    Is(Value),
    /// As something that only Terraform computes.
    Computed,
}

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct ElevatorFile {
    /// The statements about accounts, and about groups.
    pub(super) statements: Vec<Value>,
    pub(super) group_statements: Vec<Value>,
    /// Settings by the name of the Terraform variable.
    pub(super) settings: BTreeMap<String, Setting>,
}

/// The keys of statements about accounts and about groups, as the object of the bucket has them and as
/// the module does.
const OF_ACCOUNTS: [&str; 2] = ["statements", "config"];
const OF_GROUPS: [&str; 2] = ["group_statements", "group_config"];

/// Reads a file by its name: HCL in `.tf`, `.tfvars` and `.hcl`, else JSON, in which a plan shows by its
/// form.
///
/// # Errors
/// When it is not whole, or would not be loaded as rules.
pub(super) fn read(name: &str, text: &str) -> Result<ElevatorFile, ElevatorRefused> {
    let file = RuleFile::new(name, text);
    if file.syntax == Syntax::Json {
        let whole = serde_json::from_str::<Strict>(text);
        let Strict(whole) = whole.map_err(|error| ElevatorRefused::NotJson(error.to_string()))?;
        if plan::is_plan(&whole) {
            return plan::read(&whole);
        }
        checked(&file)?;
        return Ok(of_json(whole));
    }
    checked(&file)?;
    let parsed = syntax::parse(text, file.syntax);
    let mut found = ElevatorFile::default();
    // one entry for each module that has one
    let entries = match parsed.root.map(|root| root.value) {
        Some(NodeValue::Map(entries)) => entries,
        _ => Vec::new(),
    };
    for entry in &entries {
        found.take_list(&entry.key, value(&entry.value));
    }
    if file.syntax == Syntax::Hcl {
        for (name, literal) in syntax::literal_settings(text) {
            let setting = match literal {
                Literal::Is(node) => Setting::Is(value(&node)),
                Literal::Computed => Setting::Computed,
            };
            found.settings.insert(name, setting);
        }
    } else {
        for entry in entries.iter().filter(|entry| !is_list(&entry.key)) {
            let setting = Setting::Is(value(&entry.value));
            found.settings.insert(entry.key.clone(), setting);
        }
    }
    Ok(found)
}

/// Refuses what would not be loaded, with the places of the file as it is written.
fn checked(file: &RuleFile) -> Result<(), ElevatorRefused> {
    load(file).map(drop).map_err(ElevatorRefused::Statements)
}

fn of_json(whole: Value) -> ElevatorFile {
    let mut found = ElevatorFile::default();
    match whole {
        Value::Array(_) => found.take_list("statements", whole),
        Value::Object(entries) => {
            for (key, entry) in entries {
                if is_list(&key) {
                    found.take_list(&key, entry);
                } else {
                    found.settings.insert(key, Setting::Is(entry));
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    found
}

fn is_list(key: &str) -> bool {
    OF_ACCOUNTS.contains(&key) || OF_GROUPS.contains(&key)
}

impl ElevatorFile {
    /// Takes a list of statements, if it is one.
    pub(super) fn take_list(&mut self, key: &str, list: Value) {
        let Value::Array(items) = list else {
            return;
        };
        if OF_ACCOUNTS.contains(&key) {
            self.statements.extend(items);
        } else if OF_GROUPS.contains(&key) {
            self.group_statements.extend(items);
        }
    }
}

fn value(node: &Node) -> Value {
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
