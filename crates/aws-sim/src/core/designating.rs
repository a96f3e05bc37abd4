use std::collections::BTreeMap;

use crate::base::Millis;

use super::{
    administrators::{BehaviorGraph, RegionalAdministrator, ServicePlace, taking},
    queues::uuid,
    state::SimState,
};
use crate::organization::Delegation;

/// Makes an account the administrator of a service in a Region, with trusted access and a
/// registration in Organizations.
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
