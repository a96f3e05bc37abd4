//! What a run is asked for, and who hears of it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use hallpass_activity::{ActivityPolicy, PciLimits};
use hallpass_aws::AwsClientSettings;
use hallpass_log_files::log_source::LogSource;
use hallpass_log_files::{DigestArgs, Fingerprints};
use hallpass_model::{AccountId, Timestamp};
use hallpass_terminal::output;

/// Who hears of a run while it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
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
pub struct PciReading {
    pub source: Option<LogSource>,
    pub events: Vec<PathBuf>,
    pub accounts: Vec<AccountId>,
    pub regions: Vec<String>,
    /// The additional Regions of the instance, in which people sign in as well: read beside `regions`, and where nothing happens
    /// nothing is delivered, so that the log is whole without them.
    pub additional_regions: Vec<String>,
    /// Where `lookup` asks.
    pub lookup_regions: BTreeSet<String>,
    /// So many days of a source, without a state.
    pub days: u32,
    pub coverage_from: Option<Timestamp>,
    pub policy: ActivityPolicy,
    pub limits: PciLimits,
    pub fingerprints: Fingerprints,
    pub telling: Telling,
    /// How `lookup` calls AWS; `None` = as the environment says.
    pub client: Option<AwsClientSettings>,
    /// Whether files are held against the digests beside them.
    pub digests: DigestArgs,
}
