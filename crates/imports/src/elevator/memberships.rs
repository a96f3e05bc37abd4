//! Converts sso-elevator's attribute rules to `groups.sync` (`access.md` §15.1).

use hallpass_rules::PersonAttribute;
use serde_json::Value;

use crate::rule_text::quoted;

pub(super) struct SyncRules {
    pub(super) toml: Option<String>,
    /// Unconvertible rules: without one of its attributes a rule could add more people.
    pub(super) left_out: usize,
}

pub(super) fn sync_rules(value: &Value) -> Option<SyncRules> {
    let rules = value.as_array()?;
    let said: Vec<String> = rules.iter().filter_map(rule).collect();
    Some(SyncRules {
        left_out: rules.len() - said.len(),
        toml: (!said.is_empty()).then(|| format!("[{}]", said.join(", "))),
    })
}

fn rule(value: &Value) -> Option<String> {
    let group = plain(value.get("group_name")?)?;
    let attributes = value.get("attributes")?.as_object()?;
    let attributes: Option<Vec<String>> = { attributes.iter() }
        .map(|(name, value)| Some(format!("{} = {}", attribute(name)?.name(), exact(value)?)))
        .collect();
    let attributes = attributes.filter(|them| !them.is_empty())?.join(", ");
    Some(format!(
        "{{ group = {group}, attributes = {{ {attributes} }} }}"
    ))
}

/// Attribute names ignore case; AWS writes them as one word.
fn attribute(name: &str) -> Option<PersonAttribute> {
    let folded = |name: &str| {
        let letters = name.chars().filter(char::is_ascii_alphanumeric);
        letters.collect::<String>().to_ascii_lowercase()
    };
    // attributes of the extension may have its name as prefix
    let last = name.rsplit(['.', ':']).next().unwrap_or(name);
    let mut known = PersonAttribute::ALL.into_iter();
    known.find(|it| folded(it.name()) == folded(last))
}

/// A value with the same meaning in both products: no glob, and not empty.
fn exact(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let is_exact = !text.trim().is_empty() && !text.starts_with('!') && !text.contains(['*', '?']);
    plain(value).filter(|_| is_exact)
}

fn plain(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    (!text.chars().any(char::is_control)).then(|| quoted(text))
}
