//! What a run is asked for, and who hears of it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use hallpass_activity::{ActivityPolicy, PciLimits};
use hallpass_aws::AwsClientSettings;
use hallpass_model::{AccountId, Timestamp};

use crate::log_source::LogSource;
use crate::logs::{DigestArgs, Fingerprints};
use crate::output;

/// Who hears of a run while it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Telling {
    /// Whoever waits for the command.
    Terminal,
    /// The server's log.
    ServerLog,
}

impl Telling {
    pub(super) fn say(self, words: &str) {
        match self {
            Self::Terminal => output::say(words),
            Self::ServerLog => tracing::warn!(words, "a log about people has faults"),
        }
    }
}

/// What is read, and how it is judged.
#[derive(Clone, Debug)]
pub(crate) struct PciReading {
    pub(crate) source: Option<LogSource>,
    pub(crate) events: Vec<PathBuf>,
    pub(crate) accounts: Vec<AccountId>,
    pub(crate) regions: Vec<String>,
    /// Where `lookup` asks.
    pub(crate) lookup_regions: BTreeSet<String>,
    /// So many days of a source, without a state.
    pub(crate) days: u32,
    pub(crate) coverage_from: Option<Timestamp>,
    pub(crate) policy: ActivityPolicy,
    pub(crate) limits: PciLimits,
    pub(crate) fingerprints: Fingerprints,
    pub(crate) telling: Telling,
    /// How `lookup` calls AWS; `None` = as the environment says.
    pub(crate) client: Option<AwsClientSettings>,
    /// Whether files are held against the digests beside them.
    pub(crate) digests: DigestArgs,
}
