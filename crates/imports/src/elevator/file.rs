use std::collections::BTreeMap;
use std::fmt;

use hallpass_rules::Diagnostic;
use serde_json::Value;

use super::settings::SettingsPlace;
use crate::report::RowNote;
use crate::terraform::Setting;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ElevatorRefused {
    Statements(Vec<Diagnostic>),
    NotJson(String),
    /// Several modules, each a separate installation.
    Several(Vec<String>),
    /// A plan in which the values are missing or not known yet.
    Plan(String),
    FirstRelease(String),
}

impl fmt::Display for ElevatorRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Statements(errors) => match errors.as_slice() {
                [only] => fmt::Display::fmt(only, f),
                _ => write!(f, "{} errors", errors.len()),
            },
            Self::NotJson(why) => write!(f, "not JSON, or truncated: {why}"),
            Self::Several(modules) => {
                let named: Vec<String> = modules.iter().map(|it| format!("`{it}`")).collect();
                let named = named.join(", ");
                write!(
                    f,
                    "it has the modules {named}, each a separate installation, and the choice of settings is \
                     ambiguous; keep one of them in the file"
                )
            }
            Self::Plan(why) | Self::FirstRelease(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ElevatorRefused {}

#[derive(Debug, Default)]
pub(super) struct ElevatorFile {
    pub(super) statements: Vec<Value>,
    pub(super) group_statements: Vec<Value>,
    pub(super) statement_places: [Vec<(String, u32)>; 2],
    pub(super) settings: BTreeMap<String, Setting>,
    pub(super) setting_places: BTreeMap<String, (String, u32)>,
    pub(super) found: SettingsPlace,
    pub(super) variables: Vec<RowNote>,
}

const OF_ACCOUNTS: [&str; 2] = ["statements", "config"];
const OF_GROUPS: [&str; 2] = ["group_statements", "group_config"];

impl ElevatorFile {
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

pub(super) fn is_list(key: &str) -> bool {
    OF_ACCOUNTS.contains(&key) || OF_GROUPS.contains(&key)
}
