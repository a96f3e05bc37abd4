//! The Regions that the instance of IAM Identity Center is in (`access.md` §22, R-1).
//!
//! It lives in one, the home Region, where alone it is administered, and may be replicated to others, in which people go on
//! signing in while that one is away. Then nobody can be asked any more which those are: the answer of before is kept.

use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_sdk_ssoadmin::types::RegionMetadata;
use hallpass_assignments::{CenterFault, Urgency};
use hallpass_base::{TimeSpan, Timestamp};

use crate::call::Deadline;
use crate::pages::listing;
use crate::{Aws, KEY_LOOK_MAX};

/// How long an answer counts, and a refusal: a Region comes or goes by somebody's hand.
const ASK_EVERY: TimeSpan = TimeSpan::hours(1);

/// How it stands with a Region of the instance (`RegionStatus`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstanceRegionState {
    /// People sign in there.
    Active,
    /// It comes or goes, or is what we do not know, as AWS spells it.
    Other(String),
}

/// A Region of the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceRegion {
    /// Its name.
    pub name: String,
    /// How it stands with it.
    pub state: InstanceRegionState,
    /// Whether it is the home Region (`IsPrimaryRegion`).
    pub is_home: bool,
}

impl InstanceRegion {
    /// The additional Regions among these that people sign in by.
    pub fn additional(regions: &[Self]) -> Vec<String> {
        let others = regions
            .iter()
            .filter(|it| !it.is_home && it.state == InstanceRegionState::Active);
        others.map(|it| it.name.clone()).collect()
    }
}

/// What was heard last, and when it was asked.
#[derive(Debug, Default)]
pub(crate) struct RegionMemory(Mutex<Heard>);

#[derive(Debug, Default)]
struct Heard {
    asked: Option<Timestamp>,
    additional: Option<Vec<String>>,
}

impl RegionMemory {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        // every change is whole
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is time to ask; whoever hears yes asks.
    fn is_to_be_asked(&self, now: Timestamp) -> bool {
        let mut heard = self.heard();
        // a clock that went back asks again
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
    /// Reads the Regions of the instance, the home Region among them.
    ///
    /// # Errors
    /// When the call fails; an identity that was given its rights by an earlier release may not call it.
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

    /// The additional Regions by which people sign in, as the instance told within the last hour or before its home Region was
    /// lost; `None` where it never did. Asked for again in the background of whoever looks, within two seconds, and not while
    /// the home Region is silent.
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
