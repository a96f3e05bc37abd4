//! What runs on a schedule leave in the store: what the newest whole run found, for pages and programs, and what the
//! next run goes on from (`inventory.md` H-10). The two are one write: nobody sees a report whose state is not kept.

use std::collections::BTreeMap;

use async_trait::async_trait;
use hallpass_base::{Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::report::{PciLimits, PciReport, PciRow};
use super::state::PciState;

/// One person, as the newest whole run saw them. The words of states are those of [`PciRow`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptPerson {
    /// The name they sign in with.
    pub user_name: String,
    /// Who.
    pub user_id: UserId,
    /// `ok`, `warn`, `expired`, `unknown`, `disabled` or `n/a`.
    pub password_state: String,
    /// Whole days since the password was set; at most so many.
    pub password_age_days: Option<i64>,
    /// What that is counted from.
    pub password_basis: Option<String>,
    /// Since when.
    pub password_since: Option<Timestamp>,
    /// `ok`, `inactive_warn`, `inactive`, `unknown` or `disabled`.
    pub activity_state: String,
    /// Whole days without them.
    pub inactive_days: Option<i64>,
    /// What that is counted from.
    pub activity_basis: Option<String>,
    /// Since when they count as not there.
    pub inactive_since: Option<Timestamp>,
    /// When they last signed in.
    pub last_sign_in: Option<Timestamp>,
    /// When they last fetched credentials or a token.
    pub last_use: Option<Timestamp>,
    /// How often a verification of theirs failed.
    pub failed_verifications: usize,
    /// Whether some of it was found by a name without its domain (`inventory.md` H-2).
    pub is_weak_match: bool,
}

impl KeptPerson {
    /// The columns of files, in their order.
    pub const COLUMNS: [&'static str; 14] = [
        "user_name",
        "user_id",
        "password_state",
        "password_age_days",
        "password_basis",
        "password_since",
        "activity_state",
        "inactive_days",
        "activity_basis",
        "inactive_since",
        "last_sign_in",
        "last_use",
        "failed_verifications",
        "weak_match",
    ];

    fn of(row: &PciRow, is_weak_match: bool) -> Self {
        Self {
            user_name: row.user_name.clone(),
            user_id: row.user_id.clone(),
            password_state: row.password_state.to_owned(),
            password_age_days: row.password_age_days,
            password_basis: row.password_basis.map(str::to_owned),
            password_since: row.password_since,
            activity_state: row.activity_state.to_owned(),
            inactive_days: row.inactive_days,
            activity_basis: row.activity_basis.clone(),
            inactive_since: row.activity_since,
            last_sign_in: row.last_sign_in,
            last_use: row.last_use,
            failed_verifications: row.failed_verifications,
            is_weak_match,
        }
    }

    /// The values, in the order of [`KeptPerson::COLUMNS`].
    pub fn cells(&self) -> [String; Self::COLUMNS.len()] {
        let text = |it: &Option<String>| it.clone().unwrap_or_default();
        let days = |it: Option<i64>| it.map(|it| it.to_string()).unwrap_or_default();
        let at = |it: Option<Timestamp>| it.map(|it| it.to_string()).unwrap_or_default();
        [
            self.user_name.clone(),
            self.user_id.to_string(),
            self.password_state.clone(),
            days(self.password_age_days),
            text(&self.password_basis),
            at(self.password_since),
            self.activity_state.clone(),
            days(self.inactive_days),
            text(&self.activity_basis),
            at(self.inactive_since),
            at(self.last_sign_in),
            at(self.last_use),
            self.failed_verifications.to_string(),
            self.is_weak_match.to_string(),
        ]
    }

    /// How much there is to do: who is over a limit first, then who is warned, who is unknown, and the others.
    pub fn urgency(&self) -> u8 {
        let of = |state: &str| match state {
            "expired" | "inactive" => 3,
            "warn" | "inactive_warn" => 2,
            "unknown" => 1,
            _ => 0,
        };
        of(&self.password_state).max(of(&self.activity_state))
    }
}

/// What a whole run found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptReport {
    /// The instant it looked from.
    pub as_of: Timestamp,
    /// Since when the log was read without a gap; `None` where that is not known.
    pub coverage_from: Option<Timestamp>,
    /// The store whose people it is about.
    pub identity_store_id: String,
    /// From how many days on passwords are warned of and too old.
    pub password_days: (u32, u32),
    /// From how many days on people are warned of and inactive.
    pub inactive_days: (u32, u32),
    /// `any-use` or `sign-in`.
    pub activity_policy: String,
    /// Files or passes that were read.
    pub files_read: u64,
    /// Records in them.
    pub records_read: u64,
    /// Files that run after run could not be read: what they hold is not known, and their days are no coverage.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_read: Vec<String>,
    /// Everybody, by name.
    pub people: Vec<KeptPerson>,
}

impl KeptReport {
    /// What a run found. `read` is how many files and records.
    pub fn new(
        report: &PciReport,
        limits: PciLimits,
        (as_of, coverage_from): (Timestamp, Option<Timestamp>),
        identity_store_id: String,
        read: (u64, u64),
    ) -> Self {
        let is_weak = |row: &PciRow| report.weak_matches.contains(&row.user_id);
        let people = report.users.iter();
        Self {
            as_of,
            coverage_from,
            identity_store_id,
            password_days: (limits.password.warn_days, limits.password.over_days),
            inactive_days: (limits.activity.warn_days, limits.activity.over_days),
            activity_policy: report.activity_policy.to_owned(),
            files_read: read.0,
            records_read: read.1,
            not_read: Vec::new(),
            people: people.map(|it| KeptPerson::of(it, is_weak(it))).collect(),
        }
    }
}

/// A run that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedPciRun {
    /// When the last one failed.
    pub at: Timestamp,
    /// Since when none was whole.
    pub since: Timestamp,
    /// How many, one after another.
    pub times: u32,
    /// Why.
    pub why: String,
    /// Files that could not be read, and in how many runs on end.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unread: BTreeMap<String, u32>,
}

/// What is known of runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptPci {
    /// Counts writes; 0 where nothing was written.
    pub version: u64,
    /// What the newest whole run found.
    pub report: Option<KeptReport>,
    /// Runs that failed since.
    pub failed: Option<FailedPciRun>,
}

/// The store does not do what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PciStoreFault {
    /// Another process ran meanwhile.
    #[error("another process wrote a run first")]
    Raced,
    /// It does not answer, or what it has cannot be read.
    #[error("{0}")]
    Unavailable(String),
}

/// A whole run, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WholePciRun {
    /// What it found.
    pub report: KeptReport,
    /// Parameters, sources with fingerprints, the report and the version, as text for auditors (`inventory.md` H-15).
    pub evidence: String,
    /// What the next run goes on from.
    pub state: Option<PciState>,
}

/// Keeps runs.
#[async_trait]
pub trait PciStore: Send + Sync {
    /// What is known of runs.
    async fn kept_pci(&self) -> Result<KeptPci, PciStoreFault>;

    /// What the next run goes on from.
    async fn pci_state(&self) -> Result<Option<PciState>, PciStoreFault>;

    /// The evidence of the newest whole run.
    async fn pci_evidence(&self) -> Result<Option<String>, PciStoreFault>;

    /// Keeps a whole run in place of the one before, and forgets that others failed.
    ///
    /// # Errors
    /// [`PciStoreFault::Raced`] where `version` is not the one that is kept; then nothing changed.
    async fn keep_pci_run(&self, version: u64, run: WholePciRun) -> Result<(), PciStoreFault>;

    /// Keeps that a run failed. Report and state stay as they are.
    ///
    /// # Errors
    /// As [`PciStore::keep_pci_run`].
    async fn keep_pci_failure(
        &self,
        version: u64,
        failed: FailedPciRun,
    ) -> Result<(), PciStoreFault>;
}
