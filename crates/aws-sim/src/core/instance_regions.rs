//! Regions of the Identity Center instance: home and replicas. Users sign in in all of them; the
//! instance is readable in all, permission sets and assignments only in the home Region (IAM
//! Identity Center User Guide, "IAM Identity Center service APIs supported in additional AWS
//! Regions").

use crate::base::Millis;
use serde::{Deserialize, Serialize};

use crate::organization::Speed;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AdditionalRegion {
    pub name: String,
    pub added: Millis,
    pub active_from: Millis,
    /// End of its removal; absent: not removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_at: Option<Millis>,
}

impl AdditionalRegion {
    pub(crate) fn status(&self, now: Millis) -> &'static str {
        match self.gone_at {
            Some(_) => "REMOVING",
            None if now < self.active_from => "ADDING",
            None => "ACTIVE",
        }
    }

    /// Includes Regions being added or removed.
    pub(crate) fn is_there(&self, now: Millis) -> bool {
        self.gone_at.is_none_or(|gone| now < gone)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InstanceRegion {
    Home,
    Additional,
    None,
}

pub(crate) fn region_of(
    home: &str,
    additional: &[AdditionalRegion],
    name: &str,
    now: Millis,
) -> InstanceRegion {
    let is_active = |it: &AdditionalRegion| it.name == name && it.status(now) == "ACTIVE";
    if name == home {
        InstanceRegion::Home
    } else if additional.iter().any(is_active) {
        InstanceRegion::Additional
    } else {
        InstanceRegion::None
    }
}

/// Duration of adding or removing a Region (not verified: AWS says that it depends on the data).
pub(crate) fn replicating(speed: Speed) -> Millis {
    match speed {
        Speed::Instant => 0,
        Speed::Fast => 300,
        Speed::Real => 60_000,
    }
}

/// A file's Regions, as old as the instance.
pub(crate) fn stated(names: &[String], since: Millis) -> Vec<AdditionalRegion> {
    let region = |name: &String| AdditionalRegion {
        name: name.clone(),
        added: since,
        active_from: since,
        gone_at: None,
    };
    names.iter().map(region).collect()
}
