use crate::base::Millis;

use super::{entities::Account, state::SimState};

/// `o-…/r-…/ou-…/` down to a parent.
pub(crate) fn path(state: &SimState, parent: &str) -> String {
    let mut steps = Vec::new();
    let mut at = parent;
    while let Some(ou) = state.ou(at).filter(|_| steps.len() < 16) {
        steps.push(at);
        at = &ou.parent;
    }
    let mut path = format!("{}/{}/", state.head.id, state.head.root);
    for step in steps.iter().rev() {
        path.push_str(step);
        path.push('/');
    }
    path
}

pub(crate) fn accounts_below(state: &SimState, parent: &str) -> Vec<String> {
    let at = format!("/{parent}/");
    let all = state.accounts.iter().map(|(_, row)| row);
    let below = all.filter(|row| path(state, &row.parent).contains(&at));
    below.map(|row| row.id.to_string()).collect()
}

/// A policy target: ARN, name, type.
pub(crate) fn node(state: &SimState, id: &str) -> Option<(String, String, &'static str)> {
    let head = &state.head;
    let arn = |kind: &str| {
        format!(
            "arn:aws:organizations::{}:{kind}/{}/{id}",
            head.management, head.id
        )
    };
    if id == head.root {
        return Some((arn("root"), "Root".to_owned(), "ROOT"));
    }
    if let Some(ou) = state.ou(id) {
        return Some((arn("ou"), ou.name.clone(), "ORGANIZATIONAL_UNIT"));
    }
    let account = state.account(id)?;
    Some((arn("account"), account.name.clone(), "ACCOUNT"))
}

pub(crate) fn node_arn(state: &SimState, id: &str) -> Option<String> {
    node(state, id).map(|(arn, ..)| arn)
}

pub(crate) fn put_under(
    state: &mut SimState,
    mut account: Account,
    parent: &str,
    seen: Millis,
    now: Millis,
) {
    let place = state.place(&account.id);
    if let Some(children) = state.child_accounts.get_mut(&account.parent) {
        children.remove(&place);
    }
    account.parent = parent.into();
    state
        .child_accounts
        .entry(parent.into())
        .or_default()
        .insert(place.clone());
    state.accounts.put(place, account, seen, now);
}
