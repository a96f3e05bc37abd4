use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};

use crate::row::{AlertRow, AlertRowKey, RowPhase};
use crate::rule::{AlertRuleId, AlertSeverity};
use crate::run::BlockedBy;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RulePhase {
    Running,
    Blocked {
        since: Timestamp,
        why: BlockedBy,
        told: bool,
    },
    Retired {
        at: Timestamp,
    },
}

impl RulePhase {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Blocked { .. } => "blocked",
            Self::Retired { .. } => "retired",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mute {
    pub key: AlertRowKey,
    pub until: Timestamp,
    pub by: String,
    pub reason: String,
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertState {
    pub rule: AlertRuleId,
    /// Incremented by each write, which needs the version as read.
    pub version: u64,
    pub file: String,
    pub severity: AlertSeverity,
    /// Identifying columns; empty before the first run.
    pub key: Vec<String>,
    pub asked_at: Timestamp,
    pub snapshot: Option<String>,
    pub believed: Option<String>,
    /// That run's slices: table, account and Region.
    pub scope: BTreeSet<String>,
    pub phase: RulePhase,
    pub rows: BTreeMap<AlertRowKey, AlertRow>,
    pub mutes: Vec<Mute>,
}

impl AlertState {
    /// In no file yet: no rule file has an empty name.
    pub(crate) fn begun(rule: AlertRuleId, severity: AlertSeverity, key: Vec<String>) -> Self {
        Self {
            rule,
            version: 0,
            file: String::new(),
            severity,
            key,
            asked_at: Timestamp::UNIX_EPOCH,
            snapshot: None,
            believed: None,
            scope: BTreeSet::new(),
            phase: RulePhase::Running,
            rows: BTreeMap::new(),
            mutes: Vec::new(),
        }
    }

    pub fn mute_of(&self, key: &AlertRowKey, now: Timestamp) -> Option<&Mute> {
        let mut mutes = self.mutes.iter();
        mutes.find(|mute| mute.key == *key && mute.until > now)
    }

    pub fn active(&self) -> usize {
        let is_active = |row: &&AlertRow| matches!(row.phase, RowPhase::Active { .. });
        self.rows.values().filter(is_active).count()
    }

    /// Replaces an earlier mute of the row.
    #[must_use]
    pub fn muted(mut self, mute: Mute) -> Self {
        self.mutes.retain(|it| it.key != mute.key);
        self.mutes.push(mute);
        self
    }

    /// `None` if it was not muted.
    pub fn unmuted(mut self, key: &AlertRowKey) -> Option<Self> {
        let before = self.mutes.len();
        self.mutes.retain(|it| it.key != *key);
        (self.mutes.len() < before).then_some(self)
    }
}
