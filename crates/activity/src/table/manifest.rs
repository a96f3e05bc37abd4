//! The manifest lists the files of the activity table (`inventory.md` H-25). It is replaced by one
//! rename; unlisted files do not exist.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Later forms are refused.
const FORM: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    #[error("it is no list of activity: {0}")]
    Unreadable(String),
    #[error("it was written by a newer hallpass")]
    Newer,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityManifest {
    form: u32,
    pub run: String,
    pub sealed: Timestamp,
    pub days: BTreeMap<Date, ActivityDay>,
    pub accounts: BTreeMap<String, AccountSpan>,
    /// Runs whose source lists count as read.
    pub read_by: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityDay {
    pub run: String,
    pub rows: u64,
    pub events: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSpan {
    pub from: Timestamp,
    pub until: Timestamp,
}

impl ActivityManifest {
    pub const FOLDER: &'static str = "_activity";
    pub const TABLE: &'static str = "aws_activity";

    pub fn empty(run: &str, sealed: Timestamp) -> Self {
        Self {
            form: FORM,
            run: run.to_owned(),
            sealed,
            days: BTreeMap::new(),
            accounts: BTreeMap::new(),
            read_by: BTreeSet::new(),
        }
    }

    /// # Errors
    /// It is invalid, or from a later release.
    pub fn read(text: &str) -> Result<Self, ManifestError> {
        #[derive(Deserialize)]
        struct Form {
            form: u32,
        }
        let unreadable = |it: serde_json::Error| ManifestError::Unreadable(it.to_string());
        let form: Form = serde_json::from_str(text).map_err(unreadable)?;
        if form.form > FORM {
            return Err(ManifestError::Newer);
        }
        serde_json::from_str(text).map_err(unreadable)
    }

    /// # Errors
    /// It cannot be written (this is a bug).
    pub fn text(&self) -> Result<String, ManifestError> {
        let text = serde_json::to_string_pretty(self);
        text.map_err(|it| ManifestError::Unreadable(it.to_string()))
    }

    pub fn note(&mut self, account: &str, from: Timestamp, until: Timestamp) {
        let span = AccountSpan { from, until };
        let known = self.accounts.entry(account.to_owned()).or_insert(span);
        known.from = known.from.min(from);
        known.until = known.until.max(until);
    }

    pub fn place() -> String {
        format!("{}/manifest.json", Self::FOLDER)
    }

    pub fn rows_of(day: Date, run: &str) -> String {
        format!("{}/dt={day}/run={run}/part-0.parquet", Self::TABLE)
    }

    /// Eight bytes per fingerprint, row after row.
    pub fn events_of(day: Date, run: &str) -> String {
        format!("{}/events/dt={day}/run={run}.events", Self::FOLDER)
    }

    pub fn sessions_of(day: Date, run: &str) -> String {
        format!("{}/sessions/dt={day}/run={run}.jsonl", Self::FOLDER)
    }

    pub fn sources_of(run: &str) -> String {
        format!("{}/sources/{run}.jsonl", Self::FOLDER)
    }
}
