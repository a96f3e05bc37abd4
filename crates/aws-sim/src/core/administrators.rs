//! Administrators that services know Region by Region, and the behavior graphs that Detective makes for them.

use std::collections::BTreeMap;

use crate::base::Millis;
use serde::{Deserialize, Serialize};

use crate::organization::Speed;

/// A service and a Region.
pub(crate) type ServicePlace = (String, String);
/// An account and a Region.
pub(crate) type GraphPlace = (String, String);

/// An administrator of a service in a Region.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RegionalAdministrator {
    /// The account.
    pub account: String,
    /// Since when.
    pub since: Millis,
}

/// A behavior graph.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BehaviorGraph {
    /// Its ARN.
    pub arn: String,
    /// When it is there.
    pub ready: Millis,
    /// Whether new accounts become members.
    pub auto_enable: bool,
    /// Sources of data beside the usual one.
    pub packages: Vec<String>,
    /// Its members, by account.
    pub members: BTreeMap<String, GraphMember>,
}

/// A member of a behavior graph.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct GraphMember {
    /// The address of its root user.
    pub email: String,
    /// When it was invited.
    pub since: Millis,
    /// When its volume of data is known.
    pub ready: Millis,
    /// Why it stays out.
    pub refused: Option<String>,
    /// Whether it is outside the organization, and was invited: nobody there says yes.
    #[serde(default)]
    pub outside: bool,
}

/// How long AWS takes for a graph or a member (?).
pub(crate) fn taking(speed: Speed) -> Millis {
    match speed {
        Speed::Instant => 0,
        Speed::Fast => 300,
        Speed::Real => 20_000,
    }
}
