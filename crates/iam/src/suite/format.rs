//! The file format of suites.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::evaluation::{Context, ContextValue, Decision};
use crate::input::BadInput;

/// A table of requests and the decisions they are to get.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// The policies that have a say.
    #[serde(default)]
    pub policies: PolicyFiles,
    /// What every row has unless it says otherwise.
    #[serde(default)]
    pub defaults: SuiteRow,
    /// The rows.
    #[serde(default, rename = "case")]
    pub rows: Vec<SuiteRow>,
}

/// Policy files by layer, named relative to the suite.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyFiles {
    /// Policies of the identity.
    pub identity: Vec<String>,
    /// Service control policies by level, the root first.
    pub scp: Vec<Vec<String>>,
    /// Resource control policies by level, the root first.
    pub rcp: Vec<Vec<String>>,
    /// The resource's policy.
    pub resource: Option<String>,
    /// The permissions boundary.
    pub boundary: Option<String>,
    /// Session policies.
    pub session: Vec<String>,
}

/// One row, or the defaults of all.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SuiteRow {
    /// What the row is about, for people.
    pub name: Option<String>,
    /// Who asks.
    pub principal: Option<String>,
    /// For what; each of several is a question of its own.
    pub action: OneOrMany,
    /// On what; each of several is a question of its own.
    pub resource: OneOrMany,
    /// The account that owns the resource, where its ARN does not say.
    pub resource_account: Option<String>,
    /// Condition keys; a row's keys are added to those of the defaults.
    pub context: BTreeMap<String, toml::Value>,
    /// Condition keys of the defaults that the row does not have.
    pub without: Vec<String>,
    /// The principal is of the management account.
    pub management_account: Option<bool>,
    /// The principal is the root user.
    pub root_user: Option<bool>,
    /// The decision to get.
    pub expect: Option<Expected>,
    /// The `Sid` of the statement that has to decide.
    pub sid: Option<String>,
}

/// A text or a list of texts.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Default for OneOrMany {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl OneOrMany {
    /// The texts.
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}

/// A decision a row expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expected {
    /// The request goes through.
    Allowed,
    /// A statement denies it.
    ExplicitlyDenied,
    /// Nothing allows it.
    ImplicitlyDenied,
    /// It does not go through, for whatever reason.
    Denied,
}

impl Expected {
    /// Whether a decision is what is expected.
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
    /// Reads a suite.
    ///
    /// # Errors
    /// `E_SUITE` with the place when it is not TOML of this format, or a row lacks what it needs.
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

    /// The condition keys of a row, those of the defaults included.
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
