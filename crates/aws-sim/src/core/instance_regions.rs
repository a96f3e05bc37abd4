//! The Regions of the instance of IAM Identity Center: the home Region, and those it is replicated to. People sign in in
//! all of them; what the instance is can be read in all of them, permission sets and assignments in the home Region alone
//! (IAM Identity Center User Guide, "IAM Identity Center service APIs supported in additional AWS Regions").

use hallpass_sim_base::Millis;
use serde::{Deserialize, Serialize};

use super::state::Center;
use crate::organization::Speed;

/// An additional Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AdditionalRegion {
    /// Its name.
    pub name: String,
    /// When it was asked for.
    pub added: Millis,
    /// From when on it is one.
    pub active_from: Millis,
    /// When its removal is through; absent: nobody removes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_at: Option<Millis>,
}

impl AdditionalRegion {
    /// `Status` of the model.
    pub(crate) fn status(&self, now: Millis) -> &'static str {
        match self.gone_at {
            Some(_) => "REMOVING",
            None if now < self.active_from => "ADDING",
            None => "ACTIVE",
        }
    }

    fn is_there(&self, now: Millis) -> bool {
        self.gone_at.is_none_or(|gone| now < gone)
    }
}

/// What a Region is to the instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InstanceRegion {
    /// It lives there.
    Home,
    /// It is replicated there.
    Additional,
    /// It is not there, not yet, or not any more.
    None,
}

impl Center {
    /// What a Region is to the instance.
    pub(crate) fn region(&self, name: &str, now: Millis) -> InstanceRegion {
        let is_active = |it: &AdditionalRegion| it.name == name && it.status(now) == "ACTIVE";
        if name == self.home_region {
            InstanceRegion::Home
        } else if self.additional_regions.iter().any(is_active) {
            InstanceRegion::Additional
        } else {
            InstanceRegion::None
        }
    }

    /// Whether people sign in in a Region.
    pub(crate) fn signs_in(&self, region: &str, now: Millis) -> bool {
        self.region(region, now) != InstanceRegion::None
    }

    /// The additional Regions that are there, come or go.
    pub(crate) fn replicas(&self, now: Millis) -> impl Iterator<Item = &AdditionalRegion> {
        self.additional_regions
            .iter()
            .filter(move |it| it.is_there(now))
    }
}

/// How long AWS takes to add or remove a Region (not verified: its page says that it depends on the data).
pub(crate) fn replicating(speed: Speed) -> Millis {
    match speed {
        Speed::Instant => 0,
        Speed::Fast => 300,
        Speed::Real => 60_000,
    }
}
