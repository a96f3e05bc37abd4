//! Stored results of scheduled runs: the newest complete report, and the state from which the next
//! run continues (`inventory.md` H-10). Both are one write, so they always match.

use std::collections::BTreeMap;

use async_trait::async_trait;
use hallpass_base::{Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::report::{PciLimits, PciReport, PciRow};
use super::state::PciState;

/// A person in the newest complete run. State names are those of [`PciRow`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptPerson {
    pub user_name: String,
    pub user_id: UserId,
    /// `ok`, `warn`, `expired`, `unknown`, `disabled` or `n/a`.
    pub password_state: String,
    /// An upper limit, in whole days.
    pub password_age_days: Option<i64>,
    /// The starting event of the age.
    pub password_basis: Option<String>,
    pub password_since: Option<Timestamp>,
    /// `ok`, `inactive_warn`, `inactive`, `unknown` or `disabled`.
    pub activity_state: String,
    pub inactive_days: Option<i64>,
    /// The starting event of the age.
    pub activity_basis: Option<String>,
    pub inactive_since: Option<Timestamp>,
    pub last_sign_in: Option<Timestamp>,
    /// The last retrieval of credentials or a token.
    pub last_use: Option<Timestamp>,
    pub failed_verifications: usize,
    /// Whether a name without its domain contributed (`inventory.md` H-2).
    pub is_weak_match: bool,
}

impl KeptPerson {
    /// A person without a report.
    pub fn unreported(user_id: UserId, user_name: &str, is_enabled: bool) -> Self {
        let state = |of_enabled: &str| if is_enabled { of_enabled } else { "disabled" }.to_owned();
        Self {
            user_name: user_name.to_owned(),
            user_id,
            password_state: state("unknown"),
            password_age_days: None,
            password_basis: None,
            password_since: None,
            activity_state: state("unknown"),
            inactive_days: None,
            activity_basis: None,
            inactive_since: None,
            last_sign_in: None,
            last_use: None,
            failed_verifications: 0,
            is_weak_match: false,
        }
    }

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

    /// Sort order: over a limit, warned, unknown, others.
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptReport {
    pub as_of: Timestamp,
    /// Start of the gapless log, if known.
    pub coverage_from: Option<Timestamp>,
    pub identity_store_id: String,
    /// Days until the warning and until expiry.
    pub password_days: (u32, u32),
    /// Days until the warning and until inactive.
    pub inactive_days: (u32, u32),
    /// `any-use` or `sign-in`.
    pub activity_policy: String,
    pub files_read: u64,
    pub records_read: u64,
    /// Files unreadable in many runs: their content is unknown, and their days are not covered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_read: Vec<String>,
    pub people: Vec<KeptPerson>,
}

impl KeptReport {
    pub fn new(
        report: &PciReport,
        limits: PciLimits,
        as_of: Timestamp,
        coverage_from: Option<Timestamp>,
        identity_store_id: String,
        files_read: u64,
        records_read: u64,
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
            files_read,
            records_read,
            not_read: Vec::new(),
            people: people.map(|it| KeptPerson::of(it, is_weak(it))).collect(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedPciRun {
    pub at: Timestamp,
    /// Since when no run was complete.
    pub since: Timestamp,
    /// Consecutive failures.
    pub times: u32,
    pub why: String,
    /// Unreadable files, with the number of consecutive runs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unread: BTreeMap<String, u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptPci {
    /// Counts writes; 0 before the first.
    pub version: u64,
    pub report: Option<KeptReport>,
    /// Later failed runs.
    pub failed: Option<FailedPciRun>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PciStoreFault {
    /// Another process ran meanwhile.
    #[error("another process wrote a run first")]
    Raced,
    /// No answer, or unreadable data.
    #[error("{0}")]
    Unavailable(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WholePciRun {
    pub report: KeptReport,
    /// Parameters, sources with fingerprints, report and version, as text for auditors
    /// (`inventory.md` H-15).
    pub evidence: String,
    pub state: Option<PciState>,
}

#[async_trait]
pub trait PciStore: Send + Sync {
    async fn kept_pci(&self) -> Result<KeptPci, PciStoreFault>;

    async fn pci_state(&self) -> Result<Option<PciState>, PciStoreFault>;

    async fn pci_evidence(&self) -> Result<Option<String>, PciStoreFault>;

    /// Replaces the stored run and clears failures.
    ///
    /// # Errors
    /// [`PciStoreFault::Raced`] if `version` is outdated; then nothing changed.
    async fn keep_pci_run(&self, version: u64, run: WholePciRun) -> Result<(), PciStoreFault>;

    /// Records a failure; keeps report and state.
    ///
    /// # Errors
    /// As [`PciStore::keep_pci_run`].
    async fn keep_pci_failure(
        &self,
        version: u64,
        failed: FailedPciRun,
    ) -> Result<(), PciStoreFault>;
}
