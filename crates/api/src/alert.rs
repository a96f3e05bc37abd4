//! Rules of alerts and what they found, on the wire.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A rule of alerts, as its newest run left it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlertRule {
    /// Its name.
    pub rule: String,
    /// `info`, `low`, `medium`, `high` or `critical`.
    pub severity: String,
    /// `running`, `blocked` or `retired`.
    pub state: String,
    /// Since when it is blocked or retired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Why it is blocked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The file it stands in.
    pub file: String,
    /// When it was asked last.
    #[schema(value_type = String, format = DateTime)]
    pub asked_at: Timestamp,
    /// The snapshot it was asked of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// The columns that say which row is which.
    pub key: Vec<String>,
    /// How many rows stand.
    pub active: u64,
    /// How many of those are muted.
    pub muted: u64,
}

/// Every rule that was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlertRules {
    /// By name.
    pub items: Vec<AlertRule>,
}

/// A row that a rule gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlertRow {
    /// Which: the values of the key's columns, as a JSON array.
    pub key: String,
    /// `new`, `active`, `recovered` or `retired`.
    pub state: String,
    /// Since when it is that.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// How often it came back.
    pub flap_count: u32,
    /// Its values when it was seen last.
    #[schema(value_type = Object)]
    pub values: serde_json::Map<String, serde_json::Value>,
    /// The mute it is under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mute: Option<AlertMute>,
}

/// That a row is not told for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlertMute {
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// Who said so.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// Which row is to be muted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MuteAlert {
    /// The rule.
    pub rule: String,
    /// The row: its key, or the value of a single column.
    pub key: String,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// Why; it is recorded.
    pub reason: String,
}

/// Which row is to be told again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnmuteAlert {
    /// The rule.
    pub rule: String,
    /// The row, as in [`MuteAlert`].
    pub key: String,
    /// Why; it is recorded.
    pub reason: String,
}
