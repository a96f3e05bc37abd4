//! Alert rules and their rows in the API.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Severity of an alert rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertSeverity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

/// State of an alert rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertRuleState {
    Running,
    Blocked,
    Retired,
}

/// State of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertRowState {
    New,
    Active,
    Recovered,
    Retired,
}

/// An alert rule after its newest run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlertRule {
    /// Name.
    pub rule: String,
    /// Severity.
    pub severity: AlertSeverity,
    /// State.
    pub state: AlertRuleState,
    /// Start of `blocked` or `retired`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Reason of the block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Rule file.
    pub file: String,
    /// Last run.
    #[schema(value_type = String, format = DateTime)]
    pub asked_at: Timestamp,
    /// Snapshot of that run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// Columns that identify a row.
    pub key: Vec<String>,
    /// Open rows.
    pub active: u64,
    /// Muted open rows.
    pub muted: u64,
}

/// All rules that ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlertRules {
    /// Sorted by name.
    pub items: Vec<AlertRule>,
}

/// A row of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlertRow {
    /// Key: values of the key columns, as a JSON array.
    pub key: String,
    /// State.
    pub state: AlertRowState,
    /// Start of this state.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Number of reactivations.
    pub flap_count: u32,
    /// Last values.
    #[schema(value_type = Object)]
    pub values: serde_json::Map<String, serde_json::Value>,
    /// Active mute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mute: Option<AlertMute>,
}

/// A mute of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlertMute {
    /// End.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// User who muted it.
    pub by: String,
    /// Reason.
    pub reason: String,
    /// Start.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// Mutes a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MuteAlert {
    /// Rule.
    pub rule: String,
    /// Row: its key, or the value of a single key column.
    pub key: String,
    /// End.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// Reason; it is recorded.
    pub reason: String,
}

/// Unmutes a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnmuteAlert {
    /// Rule.
    pub rule: String,
    /// Row, as in [`MuteAlert`].
    pub key: String,
    /// Reason; it is recorded.
    pub reason: String,
}
