//! Administrators that services know Region by Region, and the behavior graphs that Detective makes for them.

use std::collections::BTreeMap;

use hallpass_sim_base::Millis;
use serde::{Deserialize, Serialize};

use super::{queues::uuid, state::SimState};
use crate::organization::{Delegation, Speed};

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

/// Makes an account the administrator of a service in a Region; Organizations knows it, too, and the service has
/// trusted access.
pub(crate) fn designate(
    state: &mut SimState,
    principal: &str,
    place: ServicePlace,
    account: &str,
    now: Millis,
) {
    let head = &mut state.head;
    if !head.service_access.iter().any(|it| it == principal) {
        head.service_access.push(principal.to_owned());
    }
    let is_known = |it: &Delegation| it.service == principal && it.account == account;
    if !head.delegations.iter().any(is_known) {
        head.delegations.push(Delegation {
            account: account.to_owned(),
            service: principal.to_owned(),
            since: jiff::Timestamp::from_millisecond(now)
                .ok()
                .map(|it| it.to_string()),
        });
    }
    let administrator = RegionalAdministrator {
        account: account.to_owned(),
        since: now,
    };
    state.without_administrator.remove(&place);
    state.regional_administrators.insert(place, administrator);
}

/// The graph that Detective makes for the administrator of a Region.
pub(crate) fn make_graph(state: &mut SimState, region: &str, account: &str, now: Millis) {
    let id = uuid(state.seed, &format!("graph {region} {account} {now}")).replace('-', "");
    let graph = BehaviorGraph {
        arn: format!("arn:aws:detective:{region}:{account}:graph:{id}"),
        ready: now + taking(state.settings.speed),
        auto_enable: false,
        packages: Vec::new(),
        members: BTreeMap::new(),
    };
    let place = (account.to_owned(), region.to_owned());
    state.behavior_graphs.entry(place).or_insert(graph);
}
