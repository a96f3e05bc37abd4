//! Compares the files with the state of Identity Center and lists the writes between them
//! (`inventory.md` ).

use std::collections::BTreeSet;

use hallpass_base::{AccountId, PermissionSetName};
use hallpass_iam::language::same_policy;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::file::ManagedScope;
use crate::select::WantedAccess;
use crate::state::{AccountAssignment, PermissionSetContent, SeenAccess, SeenSet};
use crate::steps::{AccessAction, AccessChange, SetAction};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockedDeletion {
    pub permission_set: PermissionSetName,
    pub accounts: BTreeSet<AccountId>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DiffTotals {
    pub add: usize,
    pub change: usize,
    pub delete: usize,
    pub provision: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessDiff {
    pub changes: Vec<AccessChange>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<BlockedDeletion>,
    /// Assignments left out while a grant holds them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<AccountAssignment>,
    /// AWS cannot rename a set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<(PermissionSetName, PermissionSetName)>,
}

impl AccessDiff {
    pub fn totals(&self) -> DiffTotals {
        let mut totals = DiffTotals::default();
        let mut changed = BTreeSet::new();
        for change in &self.changes {
            match &change.action {
                AccessAction::Assign(_) => totals.add += 1,
                AccessAction::Unassign(_) => totals.delete += 1,
                AccessAction::Set {
                    permission_set,
                    action,
                } => match action {
                    SetAction::Create { .. } => totals.add += 1,
                    SetAction::Delete => totals.delete += 1,
                    SetAction::Provision { .. } => totals.provision += 1,
                    _ if self.is_created(permission_set) => {}
                    _ => {
                        changed.insert(permission_set);
                    }
                },
            }
        }
        totals.change = changed.len();
        totals
    }

    pub fn is_created(&self, set: &PermissionSetName) -> bool {
        self.changes.iter().any(|change| {
            let is_create = |action: &SetAction| matches!(action, SetAction::Create { .. });
            matches!(&change.action, AccessAction::Set { permission_set, action }
                if permission_set == set && is_create(action))
        })
    }

    pub fn sets(&self) -> BTreeSet<PermissionSetName> {
        let sets = self.changes.iter().map(|it| it.action.permission_set());
        sets.cloned().collect()
    }
}

pub fn compare(wanted: &WantedAccess, seen: &SeenAccess) -> AccessDiff {
    let mut diff = AccessDiff::default();
    for (name, set) in &wanted.sets {
        let actions = match seen.sets.get(name) {
            None => creation(&set.content),
            Some(there) => changes(&set.content, there),
        };
        diff.changes.extend(on(name, actions));
        assignments(name, wanted, seen, &mut diff);
    }
    if wanted.scope == ManagedScope::All {
        let gone = seen
            .sets
            .keys()
            .filter(|name| !wanted.sets.contains_key(*name));
        for name in gone.filter(|name| wanted.manages(name)) {
            assignments(name, wanted, seen, &mut diff);
            deletion(name, seen, &mut diff);
        }
        diff.replaced = replaced(wanted, seen, &diff);
    }
    diff
}

fn on(set: &PermissionSetName, actions: Vec<(SetAction, Value)>) -> Vec<AccessChange> {
    let change = |(action, old)| AccessChange {
        action: AccessAction::Set {
            permission_set: set.clone(),
            action,
        },
        old,
    };
    actions.into_iter().map(change).collect()
}

fn creation(wanted: &PermissionSetContent) -> Vec<(SetAction, Value)> {
    let create = SetAction::Create {
        description: wanted.description.clone(),
        session_seconds: wanted.session_seconds,
        relay_state: wanted.relay_state.clone(),
        tags: wanted.tags.clone(),
    };
    let mut actions = vec![(create, Value::Null)];
    // `Create` already writes these parts.
    let bare = PermissionSetContent {
        description: wanted.description.clone(),
        session_seconds: wanted.session_seconds,
        relay_state: wanted.relay_state.clone(),
        tags: wanted.tags.clone(),
        ..PermissionSetContent::default()
    };
    actions.extend(edits(wanted, &bare));
    actions
}

fn changes(wanted: &PermissionSetContent, there: &SeenSet) -> Vec<(SetAction, Value)> {
    let mut actions = edits(wanted, &there.content);
    let is_tag =
        |action: &SetAction| matches!(action, SetAction::Tag { .. } | SetAction::Untag { .. });
    let edited = actions.iter().any(|(action, _)| !is_tag(action));
    // An edit reaches the accounts only when the set is provisioned.
    let outdated = !there.outdated.is_empty();
    if (edited && !there.accounts.is_empty()) || outdated {
        let old = json!({"accounts": there.accounts.len(), "outdated": there.outdated.len()});
        actions.push((SetAction::Provision { edited }, old));
    }
    actions
}

fn edits(wanted: &PermissionSetContent, there: &PermissionSetContent) -> Vec<(SetAction, Value)> {
    let mut edits = Vec::new();
    // AWS cannot remove a description.
    let description = wanted
        .description
        .clone()
        .or_else(|| there.description.clone());
    if description != there.description
        || wanted.session_seconds != there.session_seconds
        || wanted.relay_state != there.relay_state
    {
        let update = SetAction::Update {
            description,
            session_seconds: wanted.session_seconds,
            relay_state: wanted.relay_state.clone(),
        };
        edits.push((update, texts(there)));
    }
    for arn in wanted.managed_policies.difference(&there.managed_policies) {
        edits.push((SetAction::AttachManaged { arn: arn.clone() }, Value::Null));
    }
    let (own, other) = (
        &wanted.customer_managed_policies,
        &there.customer_managed_policies,
    );
    for policy in own.difference(other) {
        let policy = policy.clone();
        edits.push((SetAction::AttachCustomer { policy }, Value::Null));
    }
    match (&wanted.inline_policy, &there.inline_policy) {
        (Some(policy), old) if old.as_ref().is_none_or(|it| !same_policy(it, policy)) => {
            let put = SetAction::PutInline {
                policy: policy.clone(),
            };
            edits.push((put, old.clone().unwrap_or_default()));
        }
        (None, Some(old)) => edits.push((SetAction::DeleteInline, old.clone())),
        _ => {}
    }
    match (&wanted.permissions_boundary, &there.permissions_boundary) {
        (Some(boundary), old) if old.as_ref() != Some(boundary) => {
            let put = SetAction::PutBoundary {
                boundary: boundary.clone(),
            };
            edits.push((put, old.as_ref().map(|it| json!(it)).unwrap_or_default()));
        }
        (None, Some(old)) => edits.push((SetAction::DeleteBoundary, json!(old))),
        _ => {}
    }
    for arn in there.managed_policies.difference(&wanted.managed_policies) {
        edits.push((SetAction::DetachManaged { arn: arn.clone() }, json!(arn)));
    }
    for policy in other.difference(own) {
        let detach = SetAction::DetachCustomer {
            policy: policy.clone(),
        };
        edits.push((detach, json!(policy)));
    }
    edits.extend(tag_edits(wanted, there));
    edits
}

pub(crate) fn texts(content: &PermissionSetContent) -> Value {
    json!({
        "description": content.description,
        "session_seconds": content.session_seconds,
        "relay_state": content.relay_state,
    })
}

fn tag_edits(
    wanted: &PermissionSetContent,
    there: &PermissionSetContent,
) -> Vec<(SetAction, Value)> {
    let mut edits = Vec::new();
    for (key, value) in &wanted.tags {
        let old = there.tags.get(key);
        if old != Some(value) {
            let (key, value) = (key.clone(), value.clone());
            edits.push((SetAction::Tag { key, value }, json!(old)));
        }
    }
    for (key, old) in &there.tags {
        if !wanted.tags.contains_key(key) {
            edits.push((SetAction::Untag { key: key.clone() }, json!(old)));
        }
    }
    edits
}

fn assignments(
    set: &PermissionSetName,
    wanted: &WantedAccess,
    seen: &SeenAccess,
    diff: &mut AccessDiff,
) {
    let is_of = |it: &&AccountAssignment| it.permission_set == *set;
    let change = |action| AccessChange {
        action,
        old: Value::Null,
    };
    for it in wanted.assignments.iter().filter(is_of) {
        if seen.temporary.contains(it) {
            diff.held.push(it.clone());
        } else if !seen.assignments.contains(it) {
            diff.changes.push(change(AccessAction::Assign(it.clone())));
        }
    }
    for it in seen.assignments.iter().filter(is_of) {
        if !wanted.assignments.contains(it) && !wanted.ignoring.has(set, &it.account) {
            diff.changes
                .push(change(AccessAction::Unassign(it.clone())));
        }
    }
}

/// Deletes a set that is in no file, unless assignments remain.
fn deletion(set: &PermissionSetName, seen: &SeenAccess, diff: &mut AccessDiff) {
    let goes = |it: &AccountAssignment| {
        let mut changes = diff.changes.iter();
        changes.any(|change| change.action == AccessAction::Unassign(it.clone()))
    };
    let all = seen.assignments.iter().chain(&seen.temporary);
    let stays = all.filter(|it| it.permission_set == *set && !goes(it));
    let accounts: BTreeSet<AccountId> = stays.map(|it| it.account.clone()).collect();
    if accounts.is_empty() {
        let old = seen.sets.get(set).map(|it| texts(&it.content));
        let delete = vec![(SetAction::Delete, old.unwrap_or_default())];
        diff.changes.extend(on(set, delete));
    } else {
        diff.blocked.push(BlockedDeletion {
            permission_set: set.clone(),
            accounts,
        });
    }
}

fn replaced(
    wanted: &WantedAccess,
    seen: &SeenAccess,
    diff: &AccessDiff,
) -> Vec<(PermissionSetName, PermissionSetName)> {
    let mut pairs = Vec::new();
    for (old, there) in &seen.sets {
        let delete = AccessAction::Set {
            permission_set: old.clone(),
            action: SetAction::Delete,
        };
        if !diff.changes.iter().any(|change| change.action == delete) {
            continue;
        }
        let mut same = wanted
            .sets
            .iter()
            .filter(|(new, set)| diff.is_created(new) && set.content.is_same(&there.content));
        if let (Some((new, _)), None) = (same.next(), same.next()) {
            pairs.push((old.clone(), new.clone()));
        }
    }
    pairs
}
