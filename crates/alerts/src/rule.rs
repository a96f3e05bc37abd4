//! A rule: which query, how often, and when its rows are told.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use hallpass_base::TimeSpan;
use serde::{Deserialize, Serialize};

/// The name of a rule: `[a-z0-9]`, then up to 63 of `[a-z0-9/_-]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AlertRuleId(String);

/// Text that is no name of a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no id: up to 64 of `a-z`, `0-9`, `/`, `_` and `-`, the first a letter or a digit"
)]
pub struct AlertRuleIdError(String);

/// Characters of an id.
const ID_MAX: usize = 64;

impl AlertRuleId {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AlertRuleId {
    type Err = AlertRuleIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let fits = |c: char| plain(c) || matches!(c, '/' | '_' | '-');
        if text.len() <= ID_MAX && text.starts_with(plain) && text.chars().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(AlertRuleIdError(text.to_owned()))
        }
    }
}

impl TryFrom<String> for AlertRuleId {
    type Error = AlertRuleIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<AlertRuleId> for String {
    fn from(id: AlertRuleId) -> Self {
        id.0
    }
}

impl fmt::Display for AlertRuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How bad it is that a row is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertSeverity {
    /// Worth knowing.
    Info,
    /// Some day.
    Low,
    /// This week.
    #[default]
    Medium,
    /// Today.
    High,
    /// Now.
    Critical,
}

impl AlertSeverity {
    /// Every one.
    pub const ALL: [Self; 5] = [
        Self::Info,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::Critical,
    ];

    /// Its name in files, messages and webhooks.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Which query gives the rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertQuestion {
    /// A statement.
    Sql(String),
    /// A shipped query, by name.
    Shipped(String),
}

/// A rule of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRule {
    /// Its name: what is stored of it goes by that.
    pub id: AlertRuleId,
    /// What is asked.
    pub question: AlertQuestion,
    /// The values of the query's parameters.
    pub parameters: BTreeMap<String, String>,
    /// After how long it is asked again although nothing was collected since.
    pub every: TimeSpan,
    /// How bad a row is.
    pub severity: AlertSeverity,
    /// The columns that say which row is which; none = all of them.
    pub key: Vec<String>,
    /// What is said of a row, with `{column}` for values; all columns where there is none.
    pub message: Option<String>,
    /// In how many snapshots one after the other a row has to be before it is told.
    pub snapshots_needed: u32,
    /// Channels that tell it, by name; none = all.
    pub notify: Vec<String>,
    /// Whether it is told that a row is gone.
    pub recover: bool,
    /// After how long a row that is still there is told again.
    pub remind: Option<TimeSpan>,
    /// Of more rows than this only the number is told, with a file.
    pub max_new: usize,
    /// Whether it runs.
    pub enabled: bool,
}

/// The names in a message's braces, in their order; `{{` and `}}` are braces.
pub(crate) fn columns_of(template: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = template;
    while let Some((_, after)) = rest.split_once('{') {
        if let Some(after) = after.strip_prefix('{') {
            rest = after;
            continue;
        }
        let Some((name, after)) = after.split_once('}') else {
            break;
        };
        names.push(name);
        rest = after;
    }
    names
}
