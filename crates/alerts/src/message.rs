//! Facts of a message. `hallpass_channels::wording` has the sentences.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::row::AlertRowKey;
use crate::rule::{AlertRuleId, AlertSeverity};
use crate::run::BlockedBy;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldRow {
    pub key: AlertRowKey,
    pub values: Map<String, Value>,
    pub since: Timestamp,
    pub flap_count: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedRows {
    pub count: u64,
    /// Empty if too many for a message.
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

    pub fn is_summary(&self) -> bool {
        self.count > self.rows.len() as u64
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowNews {
    pub new: ListedRows,
    pub recovered: ListedRows,
    pub still: ListedRows,
    /// The file with all rows of a summary, relative to the snapshot folder.
    pub file: Option<String>,
    /// The start of a reported blocking that ended.
    pub blocked_since: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertNews {
    Rows(RowNews),
    Blocked { since: Timestamp, why: BlockedBy },
}

/// At most one message per run of a rule (`inventory.md` R-3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertMessage {
    pub alert: AlertRuleId,
    pub severity: AlertSeverity,
    pub at: Timestamp,
    pub snapshot: Option<String>,
    /// With `{column}` for values.
    pub template: Option<String>,
    pub news: AlertNews,
    /// Empty selects all channels.
    pub notify: Vec<String>,
    /// Recipients in addition to those of all alerts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mail_to: Vec<String>,
}

impl AlertMessage {
    pub fn is_for(&self, channel: &str) -> bool {
        self.notify.is_empty() || self.notify.iter().any(|it| it == channel)
    }
}
