//! Trails and their file names (AWS CloudTrail User Guide, "`CloudTrail` log file name format").

use std::io::Write as _;

use crate::base::Millis;
use flate2::{Compression, write::GzEncoder};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{event_history::HistoryEvent, instants};
use crate::organization::StatedTrail;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TrailOwner {
    #[default]
    Account,
    Organization,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TrailReach {
    HomeRegion,
    #[default]
    AllRegions,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trail {
    pub name: String,
    pub account: String,
    pub home_region: String,
    pub bucket: String,
    pub prefix: Option<String>,
    pub owner: TrailOwner,
    pub reach: TrailReach,
    /// `IncludeGlobalServiceEvents`; stored only.
    pub global_events: bool,
    /// Whether digests are enabled.
    pub validates: bool,
    pub is_logging: bool,
    /// Absent: since the beginning.
    pub started: Option<Millis>,
    pub stopped: Option<Millis>,
}

impl Trail {
    pub(crate) fn stated(row: &StatedTrail, account: String) -> Self {
        Self {
            name: row.name.clone(),
            account,
            home_region: row.region.clone(),
            bucket: row.bucket.clone(),
            prefix: row.prefix.clone(),
            owner: if row.organization {
                TrailOwner::Organization
            } else {
                TrailOwner::Account
            },
            reach: TrailReach::AllRegions,
            global_events: true,
            validates: true,
            is_logging: true,
            started: instants::instant(row.since.as_ref()),
            stopped: None,
        }
    }

    pub(crate) fn arn(&self) -> String {
        format!(
            "arn:aws:cloudtrail:{}:{}:trail/{}",
            self.home_region, self.account, self.name
        )
    }

    pub(crate) fn takes(&self, account: &str, region: &str) -> bool {
        let is_its = self.owner == TrailOwner::Organization || *account == self.account;
        is_its && (self.reach == TrailReach::AllRegions || *region == self.home_region)
    }

    pub(crate) fn takes_event(&self, event: &HistoryEvent) -> bool {
        let was_logging = self.stopped.is_some_and(|stopped| event.at <= stopped);
        (self.is_logging || was_logging)
            && self.takes(&event.account, &event.region)
            && self.started.is_none_or(|started| event.at >= started)
    }

    pub(crate) fn folder(
        &self,
        organization: &str,
        account: &str,
        kind: &str,
        region: &str,
        at: Millis,
    ) -> String {
        let prefix = self.prefix.as_ref().map(|it| format!("{it}/"));
        let owner = match self.owner {
            TrailOwner::Account => String::new(),
            TrailOwner::Organization => format!("{organization}/"),
        };
        let day = instant(at).strftime("%Y/%m/%d");
        format!(
            "{}AWSLogs/{owner}{account}/{kind}/{region}/{day}",
            prefix.unwrap_or_default()
        )
    }
}

pub(crate) fn instant(at: Millis) -> Timestamp {
    Timestamp::from_millisecond(at).unwrap_or_default()
}

pub(crate) fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // writing to a `Vec` cannot fail
    let written = encoder.write_all(bytes);
    written.and_then(|()| encoder.finish()).unwrap_or_default()
}
