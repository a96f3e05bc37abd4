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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    Terminal,
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

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OtherRegions {
    Listed(Vec<String>),
    /// Not queried: the user chose the files, and with them the Regions.
    NotAsked,
    Unknown,
}

impl OtherRegions {
    /// Interprets the response. Only a denial means unknown: permissions of an earlier release lack
    /// this call. Other errors are retryable.
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

#[derive(Clone, Debug)]
pub struct PciReading {
    pub source: Option<LogSource>,
    pub events: Vec<PathBuf>,
    pub accounts: Vec<AccountId>,
    pub regions: Vec<String>,
    /// Read in addition to `regions`. Quiet Regions deliver no files, so the log is complete
    /// without them. If unknown, those of an earlier run.
    pub additional_regions: OtherRegions,
    pub lookup_regions: BTreeSet<String>,
    pub days: u32,
    pub coverage_from: Option<Timestamp>,
    pub policy: ActivityPolicy,
    pub limits: PciLimits,
    pub fingerprints: Fingerprints,
    pub telling: Telling,
    pub client: Option<AwsClientSettings>,
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
