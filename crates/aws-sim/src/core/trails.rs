//! Trails, and where they put files (AWS CloudTrail User Guide, "`CloudTrail` log file name format").

use std::io::Write as _;

use crate::base::Millis;
use flate2::{Compression, write::GzEncoder};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{event_history::HistoryEvent, instants};
use crate::organization::StatedTrail;

/// Whose events a trail has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TrailOwner {
    /// Those of its account.
    #[default]
    Account,
    /// Those of all accounts.
    Organization,
}

/// Where the events of a trail happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TrailReach {
    /// In its home Region.
    HomeRegion,
    /// Everywhere.
    #[default]
    AllRegions,
}

/// A trail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trail {
    pub name: String,
    /// The account that has it.
    pub account: String,
    pub home_region: String,
    pub bucket: String,
    /// In the bucket.
    pub prefix: Option<String>,
    pub owner: TrailOwner,
    pub reach: TrailReach,
    /// `IncludeGlobalServiceEvents`; shown only.
    pub global_events: bool,
    /// Whether there are digests.
    pub validates: bool,
    pub is_logging: bool,
    /// From when it has events; absent: as long as there are any.
    pub started: Option<Millis>,
    /// When it was stopped last.
    pub stopped: Option<Millis>,
}

impl Trail {
    /// One that an organization file states, of this account.
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

    /// Its ARN.
    pub(crate) fn arn(&self) -> String {
        format!(
            "arn:aws:cloudtrail:{}:{}:trail/{}",
            self.home_region, self.account, self.name
        )
    }

    /// Whether it has events of an account in a Region.
    pub(crate) fn takes(&self, account: &str, region: &str) -> bool {
        let is_its = self.owner == TrailOwner::Organization || *account == self.account;
        is_its && (self.reach == TrailReach::AllRegions || *region == self.home_region)
    }

    /// Whether it has this event.
    pub(crate) fn takes_event(&self, event: &HistoryEvent) -> bool {
        let was_logging = self.stopped.is_some_and(|stopped| event.at <= stopped);
        (self.is_logging || was_logging)
            && self.takes(&event.account, &event.region)
            && self.started.is_none_or(|started| event.at >= started)
    }

    /// The folder of an account's files of a kind, in a Region, on a day.
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

/// An instant of virtual time.
pub(crate) fn instant(at: Millis) -> Timestamp {
    Timestamp::from_millisecond(at).unwrap_or_default()
}

/// Bytes as trails compress them.
pub(crate) fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // a `Vec` takes whatever is written to it
    let written = encoder.write_all(bytes);
    written.and_then(|()| encoder.finish()).unwrap_or_default()
}
