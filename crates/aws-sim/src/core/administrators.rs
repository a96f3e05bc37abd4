//! Regional service administrators, and Detective's behavior graphs.

use std::collections::BTreeMap;

use crate::base::Millis;
use serde::{Deserialize, Serialize};

use crate::organization::Speed;

pub(crate) type ServicePlace = (String, String);
pub(crate) type GraphPlace = (String, String);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RegionalAdministrator {
    pub account: String,
    pub since: Millis,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BehaviorGraph {
    pub arn: String,
    pub ready: Millis,
    pub auto_enable: bool,
    pub packages: Vec<String>,
    pub members: BTreeMap<String, GraphMember>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct GraphMember {
    pub email: String,
    pub since: Millis,
    pub ready: Millis,
    pub refused: Option<String>,
    /// Outside the organization and invited; never accepts.
    #[serde(default)]
    pub outside: bool,
}

/// AWS's duration for a graph or a member (?).
pub(crate) fn taking(speed: Speed) -> Millis {
    match speed {
        Speed::Instant => 0,
        Speed::Fast => 300,
        Speed::Real => 20_000,
    }
}
