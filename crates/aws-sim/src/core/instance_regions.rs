//! The Regions of the instance of IAM Identity Center: the home Region, and those it is replicated to. People sign in in
//! all of them; what the instance is can be read in all of them, permission sets and assignments in the home Region alone
//! (IAM Identity Center User Guide, "IAM Identity Center service APIs supported in additional AWS Regions").

use crate::base::Millis;
use serde::{Deserialize, Serialize};

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

    /// Whether it is there, comes or goes.
    pub(crate) fn is_there(&self, now: Millis) -> bool {
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

/// What a Region is to an instance with this home Region and these others.
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

/// How long AWS takes to add or remove a Region (not verified: its page says that it depends on the data).
pub(crate) fn replicating(speed: Speed) -> Millis {
    match speed {
        Speed::Instant => 0,
        Speed::Fast => 300,
        Speed::Real => 60_000,
    }
}

/// The Regions that a file names, as long ago as the instance is there.
pub(crate) fn stated(names: &[String], since: Millis) -> Vec<AdditionalRegion> {
    let region = |name: &String| AdditionalRegion {
        name: name.clone(),
        added: since,
        active_from: since,
        gone_at: None,
    };
    names.iter().map(region).collect()
}
