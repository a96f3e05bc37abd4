//! A user's effective access, direct and through groups.

use std::collections::BTreeSet;

use crate::base::{Millis, Random};

use crate::{
    core::{
        entities::{Account, AssignmentKey, Id, PrincipalType},
        state::SimState,
    },
    organization::Consistency,
};

/// The user and its groups, as visible at `at`.
fn holders(state: &SimState, user: &Id, at: Millis) -> Vec<(PrincipalType, Id)> {
    let groups = state.member_of.range((user.clone(), 0, Id::from(""))..);
    let groups = groups
        .take_while(|(member, ..)| member == user)
        .filter(|(user, _, group)| {
            let key = state.membership_key(group, user);
            state.memberships.seen(&key, at).is_some()
        })
        .map(|(_, _, group)| (PrincipalType::Group, group.clone()));
    std::iter::once((PrincipalType::User, user.clone()))
        .chain(groups)
        .collect()
}

/// Every account and set the user holds, as visible at `at`. Omits inactive accounts.
pub(crate) fn pairs(state: &SimState, user: &Id, at: Millis) -> BTreeSet<(Id, Id)> {
    let mut found = BTreeSet::new();
    for (kind, holder) in holders(state, user, at) {
        let start = (holder.clone(), 0, Id::from(""), Id::from(""));
        let held = state.assigned_to.range(start..);
        for (_, _, account, set) in held.take_while(|(of, ..)| *of == holder) {
            let key = state.assignment_key(account, set, kind, &holder);
            if state.assignments.seen(&key, at).is_some() && is_open(state, account) {
                found.insert((account.clone(), set.clone()));
            }
        }
    }
    found
}

fn is_open(state: &SimState, account: &str) -> bool {
    state.account(account).is_some_and(Account::is_active)
}

/// Whether the user currently has an assignment of the set in the account.
pub(crate) fn assigned(state: &SimState, account: &str, set: &str, user: &str) -> bool {
    let direct = state.assignment_key(account, set, PrincipalType::User, user);
    let through = |group: &Id| {
        let key = state.assignment_key(account, set, PrincipalType::Group, group);
        state.assignments.latest(&key).is_some()
    };
    state.assignments.latest(&direct).is_some() || state.groups_of(user).any(through)
}

/// Whether role credentials are issued. They lag behind the lists: a new assignment may be listed
/// and still give "No access" for seconds (`simulator.md` §3).
pub(crate) fn may_enter(state: &SimState, account: &Id, set: &Id, user: &Id, at: Millis) -> bool {
    is_open(state, account)
        && holders(state, user, at).into_iter().any(|(kind, holder)| {
            let key = state.assignment_key(account, set, kind, &holder);
            let row = state.assignments.seen(&key, at);
            row.is_some_and(|row| row.since + lag(state, &key, row.since) <= at)
        })
}

fn lag(state: &SimState, key: &AssignmentKey, since: Millis) -> Millis {
    let longest = match state.settings.consistency {
        Consistency::Strong => return 0,
        Consistency::Typical => 2_000,
        Consistency::Hard => 10_000,
    };
    let what = format!(
        "portal/{}/{}/{}/{since}",
        key.account, key.set, key.principal
    );
    let drawn = Random::new(state.seed, &what).below(longest + 1);
    Millis::try_from(drawn).unwrap_or(0)
}
