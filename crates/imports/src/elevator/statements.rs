use std::fmt::Write as _;

use hallpass_rules::canonical_toml;
use serde_json::{Map, Value, json};

use super::file::{ElevatorFile, ElevatorRefused};

/// The output rule file. Its extension determines the syntax.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementsFile {
    name: String,
    syntax: StatementsSyntax,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StatementsSyntax {
    Json,
    Toml,
}

impl StatementsFile {
    /// `None` if the extension has no statement syntax.
    pub fn named(name: &str) -> Option<Self> {
        let (_, ending) = name.rsplit_once('.')?;
        let syntax = match ending.to_ascii_lowercase().as_str() {
            "json" => StatementsSyntax::Json,
            "toml" => StatementsSyntax::Toml,
            _ => return None,
        };
        Some(Self {
            name: name.to_owned(),
            syntax,
        })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn syntax(&self) -> StatementsSyntax {
        self.syntax
    }
}

impl Default for StatementsFile {
    fn default() -> Self {
        Self {
            name: "statements.json".to_owned(),
            syntax: StatementsSyntax::Json,
        }
    }
}

pub(super) fn as_json(found: &ElevatorFile) -> Result<String, ElevatorRefused> {
    let rules = json!({
        "statements": found.statements,
        "group_statements": found.group_statements,
    });
    let text = serde_json::to_string_pretty(&rules);
    let mut text = text.map_err(|error| not_json(&error))?;
    text.push('\n');
    Ok(text)
}

pub(super) fn as_toml(name: &str, found: &ElevatorFile) -> Result<String, ElevatorRefused> {
    let lists = [
        ("statements", &found.statements),
        ("group_statements", &found.group_statements),
    ];
    let mut text = String::new();
    if lists.iter().all(|(_, items)| items.is_empty()) {
        text.push_str("statements = []\n");
    }
    for (list, items) in lists {
        for item in items.iter().filter_map(Value::as_object) {
            // writing to a `String` cannot fail
            let _ = writeln!(text, "\n[[{list}]]");
            for (key, value) in said(item) {
                let _ = writeln!(text, "{} = {}", toml_key(key)?, toml(value)?);
            }
        }
    }
    Ok(canonical_toml(name, &text).unwrap_or(text))
}

/// Entries without nulls: TOML has no null.
fn said(item: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    item.iter().filter(|(_, value)| !value.is_null())
}

fn toml(value: &Value) -> Result<String, ElevatorRefused> {
    Ok(match value {
        Value::String(text) => toml_text(text)?,
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(toml).collect::<Result<_, _>>()?;
            format!("[{}]", items.join(", "))
        }
        Value::Object(entries) => {
            let mut pairs = Vec::new();
            for (key, value) in said(entries) {
                pairs.push(format!("{} = {}", toml_key(key)?, toml(value)?));
            }
            format!("{{ {} }}", pairs.join(", "))
        }
        // a rule that loads has no null in a list
        Value::Null => toml_text("")?,
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    })
}

fn toml_key(key: &str) -> Result<String, ElevatorRefused> {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    if !key.is_empty() && key.chars().all(is_bare) {
        return Ok(key.to_owned());
    }
    toml_text(key)
}

/// A basic string: JSON's escapes, and one more disallowed character.
fn toml_text(text: &str) -> Result<String, ElevatorRefused> {
    let quoted = serde_json::to_string(text).map_err(|error| not_json(&error))?;
    Ok(quoted.replace('\u{7f}', "\\u007F"))
}

fn not_json(error: &serde_json::Error) -> ElevatorRefused {
    ElevatorRefused::NotJson(error.to_string())
}
