use std::collections::BTreeMap;

use hallpass_audit::Event;
use hallpass_base::UserId;

use crate::{Change, Quota, QuotaUse, Request, RequestState, Settings, Write};

const REFUSED_REQUESTS_A_DAY: u32 = 100;
const REFUSED_PRESSES_A_DAY: u32 = 200;
const HOLDS_OF_TARGET: u32 = 100;
const IDEMPOTENCY_KEYS: u32 = 5_000;

pub(super) fn uses(change: &Change, settings: &Settings) -> Vec<QuotaUse> {
    let mut added: BTreeMap<Quota, u32> = BTreeMap::new();
    let mut add = |quota: Quota| {
        let count = added.entry(quota).or_default();
        *count = count.saturating_add(1);
    };
    for write in &change.requests {
        if let Write::Insert(request) = write {
            of_new(request).into_iter().for_each(&mut add);
        }
    }
    for record in &change.audit {
        let user = record.actor_user_id().map(UserId::new);
        if record.event() == Event::ActionRefused
            && let Some(Ok(user)) = user
        {
            add(Quota::RefusedPresses(user));
        }
    }
    // An idempotency key must never block an end.
    let is_counted = change.adds_access() || !change.ends_access();
    if let Some(answer) = change.answer.as_ref().filter(|_| is_counted) {
        add(Quota::IdempotencyKeys(answer.actor.clone()));
    }
    let uses = added.into_iter().map(|(quota, adds)| QuotaUse {
        most: most(&quota, settings),
        quota,
        adds,
    });
    uses.chain(live_grants(change)).collect()
}

fn live_grants(change: &Change) -> Option<QuotaUse> {
    let seen = change.live_grants_seen.as_ref()?;
    let added = change
        .grants
        .iter()
        .filter(|it| matches!(it, Write::Insert(grant) if grant.key.user == seen.user));
    let adds = u32::try_from(added.count()).unwrap_or(u32::MAX);
    (adds > 0).then(|| QuotaUse {
        quota: Quota::LiveGrants(seen.user.clone()),
        adds,
        most: seen.count.saturating_add(adds),
    })
}

fn of_new(request: &Request) -> Vec<Quota> {
    let user = || request.requester.user.clone();
    let state = match request.state {
        RequestState::Pending => Some(Quota::WaitingRequests(user())),
        RequestState::Rejected { .. } => return vec![Quota::RefusedRequests(user())],
        RequestState::Approved { .. }
        | RequestState::Denied { .. }
        | RequestState::Discarded { .. }
        | RequestState::Expired { .. } => None,
    };
    let key = request.key.clone().filter(|_| request.extends.is_none());
    state.into_iter().chain(key.map(Quota::Holds)).collect()
}

fn most(quota: &Quota, settings: &Settings) -> u32 {
    match quota {
        Quota::WaitingRequests(_) => settings.waiting_per_person,
        Quota::RefusedRequests(_) => REFUSED_REQUESTS_A_DAY,
        Quota::RefusedPresses(_) => REFUSED_PRESSES_A_DAY,
        Quota::Holds(_) => HOLDS_OF_TARGET,
        // set where it is counted
        Quota::LiveGrants(_) => 0,
        Quota::IdempotencyKeys(_) => IDEMPOTENCY_KEYS,
    }
}
