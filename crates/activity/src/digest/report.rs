//! What came of a check of digests.

use std::collections::BTreeSet;

use hallpass_base::{AccountId, Timestamp};
use serde::Serialize;

/// Findings that are kept; all of them are counted.
const KEPT_MAX: usize = 1_000;

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DigestFault {
    /// A digest cannot be read.
    #[error("the digest cannot be read: {why}")]
    Unreadable {
        /// Why.
        why: String,
    },
    /// A digest is not the one that was signed.
    #[error("the digest was changed: its signature is not right")]
    DigestChanged,
    /// A digest was put elsewhere.
    #[error("the digest says that it is `{key}`")]
    Moved {
        /// What it says.
        key: String,
    },
    /// A digest has no signature, and the one after it does not vouch for it.
    #[error("the digest has no signature")]
    NotSigned,
    /// The key that signed a digest is not among those that were given.
    #[error("there is no public key `{fingerprint}`")]
    NoKey {
        /// The key, as the digest names it.
        fingerprint: String,
    },
    /// A digest that the next one names is not there.
    #[error("the digest is missing")]
    DigestMissing,
    /// Nothing was delivered, or digests were taken away and the chain begun anew.
    #[error("no digest names what was delivered between {from} and {until}")]
    Gap {
        /// Until when there are digests.
        from: Timestamp,
        /// From when there are some again.
        until: Timestamp,
    },
    /// A file was changed.
    #[error("it was changed since it was delivered")]
    LogChanged,
    /// A file is not there.
    #[error("it was delivered, and is missing")]
    LogMissing,
    /// A file cannot be read.
    #[error("it cannot be read: {why}")]
    LogUnreadable {
        /// Why.
        why: String,
    },
    /// A file is there that no digest names.
    #[error("no digest names it")]
    NotNamed,
    /// There is no digest at all.
    #[error("there are no digests")]
    NoDigests,
}

/// A file with what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DigestFinding {
    /// The file.
    pub path: String,
    /// What is wrong.
    #[serde(flatten)]
    pub fault: DigestFault,
}

/// From when to when a chain is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainSpan {
    /// The account.
    pub account: AccountId,
    /// The Region.
    pub region: String,
    /// The trail.
    pub trail: String,
    /// The beginning of the time that its first digest is about.
    pub from: Timestamp,
    /// The end of that of the last.
    pub until: Timestamp,
}

/// What came of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DigestReport {
    /// Digests whose signature is right.
    pub digests_verified: u64,
    /// Files that are as these digests say.
    pub logs_verified: u64,
    /// Digests without a signature: the newest of a chain in a folder, where S3's metadata are not.
    pub digests_without_signature: u64,
    /// Files that are as a digest without signature says.
    pub logs_without_signature: u64,
    /// Files that were delivered after the last digest.
    pub logs_after_last_digest: u64,
    /// How many files something is wrong with.
    pub findings_count: u64,
    /// The first of them.
    pub findings: Vec<DigestFinding>,
    /// What was looked at.
    pub chains: Vec<ChainSpan>,
    /// Paths of logs that are not what was delivered.
    #[serde(skip)]
    pub not_delivered: BTreeSet<String>,
}

impl DigestReport {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.findings_count == 0
    }

    pub(super) fn find(&mut self, path: &str, fault: DigestFault) {
        self.findings_count += 1;
        let is_log = matches!(fault, DigestFault::LogChanged | DigestFault::NotNamed);
        if is_log {
            self.not_delivered.insert(path.to_owned());
        }
        if self.findings.len() < KEPT_MAX {
            let path = path.to_owned();
            self.findings.push(DigestFinding { path, fault });
        }
    }

    /// Adds what came of another place.
    pub fn add(&mut self, other: Self) {
        self.digests_verified += other.digests_verified;
        self.logs_verified += other.logs_verified;
        self.digests_without_signature += other.digests_without_signature;
        self.logs_without_signature += other.logs_without_signature;
        self.logs_after_last_digest += other.logs_after_last_digest;
        self.findings_count += other.findings_count;
        let room = KEPT_MAX.saturating_sub(self.findings.len());
        self.findings.extend(other.findings.into_iter().take(room));
        self.chains.extend(other.chains);
        self.not_delivered.extend(other.not_delivered);
    }
}
