//! What a file of sso-elevator holds, or why nothing of it was taken.

use std::collections::BTreeMap;
use std::fmt;

use hallpass_rules::Diagnostic;
use serde_json::Value;

use super::settings::SettingsPlace;
use crate::report::RowNote;
use crate::terraform::Setting;

/// Why nothing was imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ElevatorRefused {
    /// A rule file that would not be loaded: each error with its place.
    Statements(Vec<Diagnostic>),
    /// Not JSON, or cut off.
    NotJson(String),
    /// Several modules of it, each an installation of its own.
    Several(Vec<String>),
    /// A plan in which what is looked for is not there, or not known yet.
    Plan(String),
    /// An object of the first release that is not whole.
    FirstRelease(String),
}

impl fmt::Display for ElevatorRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Statements(errors) => match errors.as_slice() {
                [only] => fmt::Display::fmt(only, f),
                _ => write!(f, "{} errors", errors.len()),
            },
            Self::NotJson(why) => write!(f, "not JSON, or cut off: {why}"),
            Self::Several(modules) => {
                let named: Vec<String> = modules.iter().map(|it| format!("`{it}`")).collect();
                let named = named.join(", ");
                write!(
                    f,
                    "it has the modules {named}, each an installation of its own, and which settings are meant \
                     cannot be told; keep one of them in the file"
                )
            }
            Self::Plan(why) | Self::FirstRelease(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ElevatorRefused {}

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct ElevatorFile {
    /// The statements about accounts, and about groups.
    pub(super) statements: Vec<Value>,
    pub(super) group_statements: Vec<Value>,
    /// Where each statement stands, of accounts and of groups; nothing where the file is only one.
    pub(super) statement_places: [Vec<(String, u32)>; 2],
    /// Settings by the name of the Terraform variable.
    pub(super) settings: BTreeMap<String, Setting>,
    /// Where each of them stands; nothing where the file is only one.
    pub(super) setting_places: BTreeMap<String, (String, u32)>,
    /// Where these were found.
    pub(super) found: SettingsPlace,
    /// What is to be known of variables by which its values are computed.
    pub(super) variables: Vec<RowNote>,
}

/// The keys of statements about accounts and about groups, as the object of the bucket has them and as
/// the module does.
const OF_ACCOUNTS: [&str; 2] = ["statements", "config"];
const OF_GROUPS: [&str; 2] = ["group_statements", "group_config"];

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

/// Whether a key holds statements.
pub(super) fn is_list(key: &str) -> bool {
    OF_ACCOUNTS.contains(&key) || OF_GROUPS.contains(&key)
}
