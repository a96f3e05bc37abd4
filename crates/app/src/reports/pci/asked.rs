//! What a run is asked for, and who hears of it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::log_files::log_source::LogSource;
use crate::log_files::{DigestArgs, Fingerprints};
use hallpass_activity::{ActivityPolicy, PciLimits};
use hallpass_assignments::CenterFault;
use hallpass_aws::{AwsClientSettings, InstanceRegion};
use hallpass_base::{AccountId, Timestamp};
use hallpass_terminal::exit::Failure;
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

/// The additional Regions of the instance, in which people sign in as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OtherRegions {
    /// As the instance lists them.
    Listed(Vec<String>),
    /// AWS is not asked: who chose the files answers for their Regions.
    NotAsked,
    /// It was asked, and does not say.
    Unknown,
}

impl OtherRegions {
    /// What an answer of the instance says. Only a refusal is one: rights of an earlier release do not include to ask.
    ///
    /// # Errors
    /// It did not answer: asked again, it may.
    pub fn of(answer: Result<Vec<InstanceRegion>, CenterFault>) -> Result<Self, Failure> {
        match answer {
            Ok(regions) => Ok(Self::Listed(InstanceRegion::additional(&regions))),
            Err(CenterFault::Refused { .. }) => Ok(Self::Unknown),
            Err(fault) => Err(Failure::failed(format!(
                "the Regions of the instance cannot be listed: {fault}"
            ))),
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
    /// The additional Regions are read beside `regions`, and where nothing happens nothing is delivered, so that the log is whole
    /// without them. Where the instance does not say, they are those that an earlier run knew.
    pub additional_regions: OtherRegions,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_of_regions_that_failed_is_not_one_of_none() {
        let message = "no answer".to_owned();
        let failed = OtherRegions::of(Err(CenterFault::Unreachable { message }));
        assert!(failed.is_err_and(|it| it.words().contains("no answer")));
        let reason = "AccessDeniedException".to_owned();
        let refused = OtherRegions::of(Err(CenterFault::Refused { reason }));
        assert!(refused.is_ok_and(|it| it == OtherRegions::Unknown));
        let none = OtherRegions::of(Ok(Vec::new()));
        assert!(none.is_ok_and(|it| it == OtherRegions::Listed(Vec::new())));
    }
}
