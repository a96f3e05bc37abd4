//! What is to be told of a run: facts. The sentences are `hallpass-wording`'s.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::row::AlertRowKey;
use crate::rule::{AlertRuleId, AlertSeverity};
use crate::run::BlockedBy;

/// A row in a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldRow {
    /// The row's key.
    pub key: AlertRowKey,
    /// Its values.
    pub values: Map<String, Value>,
    /// Since when it stands, or stood.
    pub since: Timestamp,
    /// How often it came back.
    pub flap_count: u32,
}

/// Rows that one message is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedRows {
    /// How many.
    pub count: u64,
    /// The rows; none where they are too many for a message.
    pub rows: Vec<ToldRow>,
}

impl ListedRows {
    pub(crate) fn of(rows: &[ToldRow], most: usize) -> Self {
        Self {
            count: rows.len() as u64,
            rows: if rows.len() > most {
                Vec::new()
            } else {
                rows.to_vec()
            },
        }
    }

    /// Whether they are too many for a message.
    pub fn is_summary(&self) -> bool {
        self.count > self.rows.len() as u64
    }
}

/// What a run found out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowNews {
    /// Rows that stand now.
    pub new: ListedRows,
    /// Rows that do not any more.
    pub recovered: ListedRows,
    /// Rows that still stand, told again.
    pub still: ListedRows,
    /// The file that has them all, where they are too many for a message: its path below the folder of snapshots.
    pub file: Option<String>,
    /// Since when the rule was blocked, where that was told and is over.
    pub blocked_since: Option<Timestamp>,
}

/// What a message tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertNews {
    /// What a run found.
    Rows(RowNews),
    /// The rule does not run.
    Blocked {
        /// Since when.
        since: Timestamp,
        /// Why the rule could not be asked.
        why: BlockedBy,
    },
}

/// What one run of a rule tells: one message at most (`inventory.md` R-3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertMessage {
    /// The rule.
    pub alert: AlertRuleId,
    /// How bad its rows are.
    pub severity: AlertSeverity,
    /// When it ran.
    pub at: Timestamp,
    /// The snapshot it ran over.
    pub snapshot: Option<String>,
    /// What is said of a row, with `{column}` for values.
    pub template: Option<String>,
    /// What is told.
    pub news: AlertNews,
    /// Channels that tell it; none = all.
    pub notify: Vec<String>,
    /// Who gets mail of it besides those who get all alerts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mail_to: Vec<String>,
}

impl AlertMessage {
    /// Whether a channel of this name tells it.
    pub fn is_for(&self, channel: &str) -> bool {
        self.notify.is_empty() || self.notify.iter().any(|it| it == channel)
    }
}
