use std::collections::BTreeSet;

use hallpass_base::{AccountId, Timestamp};
use serde::Serialize;

/// Stored findings; all are counted.
const KEPT_MAX: usize = 1_000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DigestFault {
    #[error("the digest cannot be read: {why}")]
    Unreadable { why: String },
    /// The digest differs from the signed one.
    #[error("the digest was changed: its signature is not right")]
    DigestChanged,
    #[error("the digest says that it is `{key}`")]
    Moved { key: String },
    /// No signature, and no successor describes it.
    #[error("the digest has no signature")]
    NotSigned,
    #[error("there is no public key `{fingerprint}`")]
    NoKey { fingerprint: String },
    #[error("the digest is missing")]
    DigestMissing,
    /// No delivery, or digests were deleted and the chain restarted.
    #[error("no digest covers the deliveries between {from} and {until}")]
    Gap { from: Timestamp, until: Timestamp },
    #[error("it was changed since it was delivered")]
    LogChanged,
    #[error("it was delivered, and is missing")]
    LogMissing,
    #[error("it cannot be read: {why}")]
    LogUnreadable { why: String },
    #[error("no digest names it")]
    NotNamed,
    #[error("there are no digests")]
    NoDigests,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DigestFinding {
    pub path: String,
    #[serde(flatten)]
    pub fault: DigestFault,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainSpan {
    pub account: AccountId,
    pub region: String,
    pub trail: String,
    pub from: Timestamp,
    pub until: Timestamp,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DigestReport {
    pub digests_verified: u64,
    pub logs_verified: u64,
    /// The newest digest of a chain in a folder without S3 metadata.
    pub digests_without_signature: u64,
    /// Files that match an unsigned digest.
    pub logs_without_signature: u64,
    /// Files after the last digest.
    pub logs_after_last_digest: u64,
    pub findings_count: u64,
    pub findings: Vec<DigestFinding>,
    pub chains: Vec<ChainSpan>,
    /// Paths of logs that differ from the delivery.
    #[serde(skip)]
    pub not_delivered: BTreeSet<String>,
}

impl DigestReport {
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
