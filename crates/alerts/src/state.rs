//! What is stored of a rule between its runs.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};

use crate::row::{AlertRow, AlertRowKey, RowPhase};
use crate::rule::{AlertRuleId, AlertSeverity};
use crate::run::BlockedBy;

/// Whether a rule runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RulePhase {
    /// Its last run was believed.
    Running,
    /// It is not: what it reads is not all there.
    Blocked {
        /// Since when.
        since: Timestamp,
        /// Why it could not be asked.
        why: BlockedBy,
        /// Whether that was told.
        told: bool,
    },
    /// It is in no file any more.
    Retired {
        /// Since when.
        at: Timestamp,
    },
}

impl RulePhase {
    /// Its name where people read.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Blocked { .. } => "blocked",
            Self::Retired { .. } => "retired",
        }
    }
}

/// That a row is not told for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mute {
    /// Which row.
    pub key: AlertRowKey,
    /// Until when.
    pub until: Timestamp,
    /// Who said so.
    pub by: String,
    /// Why the rows are muted.
    pub reason: String,
    /// When they were muted.
    pub at: Timestamp,
}

/// What is stored of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertState {
    /// The rule whose state this is.
    pub rule: AlertRuleId,
    /// Grows with each write; a write needs the version that was read.
    pub version: u64,
    /// The name of the file it stands in.
    pub file: String,
    /// How bad its rows are.
    pub severity: AlertSeverity,
    /// The columns that say which row is which; none before the first run.
    pub key: Vec<String>,
    /// When it was asked last.
    pub asked_at: Timestamp,
    /// The snapshot it was asked of.
    pub snapshot: Option<String>,
    /// The snapshot of the last run that was believed.
    pub believed: Option<String>,
    /// Which slices that run was about: table, account and Region.
    pub scope: BTreeSet<String>,
    /// Whether it runs.
    pub phase: RulePhase,
    /// Its rows.
    pub rows: BTreeMap<AlertRowKey, AlertRow>,
    /// Rows that are not told.
    pub mutes: Vec<Mute>,
}

impl AlertState {
    /// The state of a rule that has not been asked yet. It stands in no file so far: no file of rules has an empty name.
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

    /// The mute that a row is under.
    pub fn mute_of(&self, key: &AlertRowKey, now: Timestamp) -> Option<&Mute> {
        let mut mutes = self.mutes.iter();
        mutes.find(|mute| mute.key == *key && mute.until > now)
    }

    /// How many rows stand.
    pub fn active(&self) -> usize {
        let is_active = |row: &&AlertRow| matches!(row.phase, RowPhase::Active { .. });
        self.rows.values().filter(is_active).count()
    }

    /// The state with a row muted; in place of what was said of that row before.
    #[must_use]
    pub fn muted(mut self, mute: Mute) -> Self {
        self.mutes.retain(|it| it.key != mute.key);
        self.mutes.push(mute);
        self
    }

    /// The state with a row muted no more; `None` where it was not.
    pub fn unmuted(mut self, key: &AlertRowKey) -> Option<Self> {
        let before = self.mutes.len();
        self.mutes.retain(|it| it.key != *key);
        (self.mutes.len() < before).then_some(self)
    }
}
