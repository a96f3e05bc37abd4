//! Which files are the activity table (`inventory.md` H-25). One file says so, and is replaced by one rename: what it does
//! not name is not there.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The form of manifests. A later one is refused, not misread.
const FORM: u32 = 1;

/// Why a manifest is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// It is not as it is written.
    #[error("it is no list of activity: {0}")]
    Unreadable(String),
    /// Another release wrote it.
    #[error("it was written by a newer hallpass")]
    Newer,
}

/// The days of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityManifest {
    form: u32,
    /// The run that wrote it.
    pub run: String,
    /// When the table was sealed.
    pub sealed: Timestamp,
    /// Each day.
    pub days: BTreeMap<Date, ActivityDay>,
    /// How far the log goes in each account.
    pub accounts: BTreeMap<String, AccountSpan>,
    /// The runs whose lists of files count: what they name was read.
    pub read_by: BTreeSet<String>,
}

/// A day of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityDay {
    /// The run that wrote its files.
    pub run: String,
    /// How many rows it has.
    pub rows: u64,
    /// How many events these are of.
    pub events: u64,
}

/// From when to when the log has events of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSpan {
    /// The first.
    pub from: Timestamp,
    /// The last.
    pub until: Timestamp,
}

impl ActivityManifest {
    /// The folder, below that of snapshots, of all but the rows.
    pub const FOLDER: &'static str = "_activity";
    /// The table.
    pub const TABLE: &'static str = "aws_activity";

    /// One without days.
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

    /// Reads one.
    ///
    /// # Errors
    /// It is none, or of a later release.
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

    /// Its text.
    ///
    /// # Errors
    /// It cannot be written (this is a bug).
    pub fn text(&self) -> Result<String, ManifestError> {
        let text = serde_json::to_string_pretty(self);
        text.map_err(|it| ManifestError::Unreadable(it.to_string()))
    }

    /// Takes note of an account's events.
    pub fn note(&mut self, account: &str, from: Timestamp, until: Timestamp) {
        let span = AccountSpan { from, until };
        let known = self.accounts.entry(account.to_owned()).or_insert(span);
        known.from = known.from.min(from);
        known.until = known.until.max(until);
    }

    /// Where it lies itself, below the folder of snapshots.
    pub fn place() -> String {
        format!("{}/manifest.json", Self::FOLDER)
    }

    /// Where a day's rows lie.
    pub fn rows_of(day: Date, run: &str) -> String {
        format!("{}/dt={day}/run={run}/part-0.parquet", Self::TABLE)
    }

    /// Where the fingerprints of a day's events lie: row after row, eight bytes each.
    pub fn events_of(day: Date, run: &str) -> String {
        format!("{}/events/dt={day}/run={run}.events", Self::FOLDER)
    }

    /// Where a day's sessions lie.
    pub fn sessions_of(day: Date, run: &str) -> String {
        format!("{}/sessions/dt={day}/run={run}.jsonl", Self::FOLDER)
    }

    /// Where the list of files that a run read lies.
    pub fn sources_of(run: &str) -> String {
        format!("{}/sources/{run}.jsonl", Self::FOLDER)
    }
}
