//! The Regions of the IAM Identity Center instance (`access.md` §22, R-1).
//!
//! Only the home Region administers it; users can sign in in replicas while the home Region is
//! down. The list is unreadable then, so the last answer is cached.

use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_sdk_ssoadmin::types::RegionMetadata;
use hallpass_assignments::{CenterFault, Urgency};
use hallpass_base::{TimeSpan, Timestamp};

use crate::call::Deadline;
use crate::pages::listing;
use crate::{Aws, KEY_LOOK_MAX};

/// Validity of an answer or a refusal: Regions change by hand.
const ASK_EVERY: TimeSpan = TimeSpan::hours(1);

/// `RegionStatus`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstanceRegionState {
    /// Users sign in there.
    Active,
    /// Being added or removed, or unknown, as AWS spells it.
    Other(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceRegion {
    pub name: String,
    pub state: InstanceRegionState,
    /// `IsPrimaryRegion`.
    pub is_home: bool,
}

impl InstanceRegion {
    pub fn additional(regions: &[Self]) -> Vec<String> {
        let others = regions
            .iter()
            .filter(|it| !it.is_home && it.state == InstanceRegionState::Active);
        others.map(|it| it.name.clone()).collect()
    }
}

#[derive(Debug, Default)]
pub(crate) struct RegionMemory(Mutex<Heard>);

#[derive(Debug, Default)]
struct Heard {
    asked: Option<Timestamp>,
    additional: Option<Vec<String>>,
}

impl RegionMemory {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        // every change is complete
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a read is due; the caller that gets `true` reads.
    fn is_to_be_asked(&self, now: Timestamp) -> bool {
        let mut heard = self.heard();
        // a clock set back triggers a read
        let fresh = heard
            .asked
            .is_some_and(|asked| asked <= now && now < ASK_EVERY.after(asked));
        if !fresh {
            heard.asked = Some(now);
        }
        !fresh
    }
}

impl Aws {
    /// Reads the Regions of the instance, including the home Region.
    ///
    /// # Errors
    /// When the call fails; rights from an earlier release may not include it.
    pub async fn instance_regions(&self) -> Result<Vec<InstanceRegion>, CenterFault> {
        self.list_regions(Deadline::port(Urgency::Grant)).await
    }

    async fn list_regions(&self, pace: Deadline) -> Result<Vec<InstanceRegion>, CenterFault> {
        let listed = listing!(
            self.sso_line.read("ListRegions", pace),
            regions,
            self.sso
                .list_regions()
                .instance_arn(&self.about.instance_arn)
        )
        .await
        .map_err(|failure| failure.fault)?;
        let regions: Vec<InstanceRegion> = listed.into_iter().filter_map(region).collect();
        self.regions.heard().additional = Some(InstanceRegion::additional(&regions));
        Ok(regions)
    }

    /// Additional sign-in Regions, from the last hour or from before a loss of the home Region;
    /// `None` if never read. Refreshes in the background, within two seconds, and not during an
    /// outage of the home Region.
    pub async fn additional_regions(&self) -> Option<Vec<String>> {
        let now = self.clock.now();
        if self.center.lost_since(now).is_none() && self.regions.is_to_be_asked(now) {
            let pace = Deadline::within(Urgency::Background, KEY_LOOK_MAX);
            if let Err(fault) = self.list_regions(pace).await {
                tracing::debug!(%fault, "the Regions of the instance cannot be listed");
            }
        }
        self.regions.heard().additional.clone()
    }
}

fn region(row: RegionMetadata) -> Option<InstanceRegion> {
    let state = row.status.map_or_else(
        || InstanceRegionState::Other("UNKNOWN".to_owned()),
        |status| match status.as_str() {
            "ACTIVE" => InstanceRegionState::Active,
            other => InstanceRegionState::Other(other.to_owned()),
        },
    );
    Some(InstanceRegion {
        name: row.region_name?,
        state,
        is_home: row.is_primary_region,
    })
}

#[cfg(test)]
#[path = "instance_regions_tests.rs"]
mod tests;
