use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::evaluation::{Context, ContextValue, Decision};
use crate::input::BadInput;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    #[serde(default)]
    pub policies: PolicyFiles,
    #[serde(default)]
    pub defaults: SuiteRow,
    #[serde(default, rename = "case")]
    pub rows: Vec<SuiteRow>,
}

/// Policy files by layer, paths relative to the suite.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyFiles {
    pub identity: Vec<String>,
    pub scp: Vec<Vec<String>>,
    pub rcp: Vec<Vec<String>>,
    pub resource: Option<String>,
    pub boundary: Option<String>,
    pub session: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SuiteRow {
    pub name: Option<String>,
    pub principal: Option<String>,
    pub action: OneOrMany,
    pub resource: OneOrMany,
    /// The owner account, if the ARN has none.
    pub resource_account: Option<String>,
    pub context: BTreeMap<String, toml::Value>,
    pub without: Vec<String>,
    pub management_account: Option<bool>,
    pub root_user: Option<bool>,
    pub expect: Option<Expected>,
    pub sid: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Default for OneOrMany {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl OneOrMany {
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expected {
    Allowed,
    ExplicitlyDenied,
    ImplicitlyDenied,
    Denied,
}

impl Expected {
    pub fn admits(self, decision: Decision) -> bool {
        match self {
            Self::Allowed => decision == Decision::Allowed,
            Self::ExplicitlyDenied => decision == Decision::ExplicitlyDenied,
            Self::ImplicitlyDenied => decision == Decision::ImplicitlyDenied,
            Self::Denied => decision != Decision::Allowed,
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Suite {
    /// Parses a suite.
    ///
    /// # Errors
    /// `E_SUITE` with the position if it is not TOML of this format, or a row is incomplete.
    pub fn parse(text: &str) -> Result<Self, BadInput> {
        let suite: Self = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let (line, column) = crate::language::json::line_and_column(text, start);
            BadInput::new("E_SUITE", error.message(), format!("{line}:{column}"))
        })?;
        if suite.rows.is_empty() {
            let message = "there is no row: write at least one [[case]]";
            return Err(BadInput::new("E_SUITE", message, ""));
        }
        for (index, row) in suite.rows.iter().enumerate() {
            let missing = |what: &str| {
                let message = format!("`{what}` is missing, here and in [defaults]");
                Err(BadInput::new("E_SUITE", message, format!("/case/{index}")))
            };
            let both = [row, &suite.defaults];
            if both.iter().all(|it| it.principal.is_none()) {
                return missing("principal");
            }
            if both.iter().all(|it| it.action.as_slice().is_empty()) {
                return missing("action");
            }
            if both.iter().all(|it| it.expect.is_none()) {
                return missing("expect");
            }
        }
        Ok(suite)
    }

    /// Merges the condition keys of a row with the defaults.
    pub(super) fn context(&self, row: &SuiteRow, index: usize) -> Result<Context, BadInput> {
        let mut keys: BTreeMap<String, (&str, &toml::Value)> = BTreeMap::new();
        for (key, value) in self.defaults.context.iter().chain(&row.context) {
            keys.insert(key.to_lowercase(), (key, value));
        }
        for key in &row.without {
            keys.remove(&key.to_lowercase());
        }
        let mut context = Context::new();
        for (key, value) in keys.into_values() {
            let bad = || {
                let message = format!("{key} is a text, a number, a time, or a list of texts");
                BadInput::new("E_SUITE", message, format!("/case/{index}/context"))
            };
            let value = match value {
                toml::Value::Array(items) => ContextValue::List(
                    items
                        .iter()
                        .map(scalar)
                        .collect::<Option<_>>()
                        .ok_or_else(bad)?,
                ),
                other => ContextValue::One(scalar(other).ok_or_else(bad)?),
            };
            context.set(key, value);
        }
        Ok(context)
    }
}

fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(boolean) => Some(boolean.to_string()),
        toml::Value::Datetime(time) => Some(time.to_string()),
        toml::Value::Array(_) | toml::Value::Table(_) => None,
    }
}
