//! Alert rules: query, interval, reporting.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use hallpass_base::TimeSpan;
use serde::{Deserialize, Serialize};

/// `[a-z0-9]`, then up to 63 of `[a-z0-9/_-]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AlertRuleId(String);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no id: up to 64 of `a-z`, `0-9`, `/`, `_` and `-`, the first a letter or a digit"
)]
pub struct AlertRuleIdError(String);

const ID_MAX: usize = 64;

impl AlertRuleId {
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertSeverity {
    Info,
    Low,
    #[default]
    Medium,
    High,
    Critical,
}

impl AlertSeverity {
    pub const ALL: [Self; 5] = [
        Self::Info,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::Critical,
    ];

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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertQuestion {
    Sql(String),
    Shipped(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRule {
    pub id: AlertRuleId,
    pub question: AlertQuestion,
    pub parameters: BTreeMap<String, String>,
    /// Interval of queries without new data.
    pub every: TimeSpan,
    pub severity: AlertSeverity,
    /// Identifying columns; empty = all.
    pub key: Vec<String>,
    /// With `{column}` for values; `None` lists all columns.
    pub message: Option<String>,
    /// Consecutive snapshots with a row before it is reported.
    pub snapshots_needed: u32,
    /// Empty selects all channels.
    pub notify: Vec<String>,
    pub recover: bool,
    /// Interval of reminders.
    pub remind: Option<TimeSpan>,
    /// With more rows, the message has only their number and a file.
    pub max_new: usize,
    pub enabled: bool,
}

/// Returns the names in braces; `{{` and `}}` are literal braces.
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
