//! Reasons to refuse a difference (`inventory.md` A-10), and its warnings.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use hallpass_base::{AccountId, GroupId, PermissionSetName, UserId};
use hallpass_iam::language::canonical_statement;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::compare::AccessDiff;
use crate::file::ManagedScope;
use crate::select::WantedAccess;
use crate::state::{AccountAssignment, PrincipalRef, SeenAccess};
use crate::steps::{AccessAction, SetAction};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum AccessRefusal {
    Protected {
        permission_set: PermissionSetName,
    },
    TooManyDeletions {
        deletions: usize,
        allowed: usize,
    },
    /// Sets in no file would be deleted: the user must confirm the number of deletions.
    Unconfirmed {
        deletions: usize,
    },
    SelfLockout {
        permission_set: PermissionSetName,
        account: AccountId,
    },
    SelfNarrowed {
        permission_set: PermissionSetName,
    },
}

impl fmt::Display for AccessRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protected { permission_set } => write!(
                f,
                "permission set `{permission_set}` is protected; `--unprotect {permission_set}` allows it"
            ),
            Self::TooManyDeletions { deletions, allowed } => write!(
                f,
                "{deletions} deletions, and `settings.max_destroy` allows {allowed}"
            ),
            Self::Unconfirmed { deletions } => write!(
                f,
                "`manage: all` deletes sets that no file names; `--confirm {deletions}` confirms all \
                 {deletions} deletions"
            ),
            Self::SelfLockout {
                permission_set,
                account,
            } => write!(
                f,
                "it takes away `{permission_set}` in {account}, with which you are signed in; \
                 `--allow-self-lockout` allows it"
            ),
            Self::SelfNarrowed { permission_set } => write!(
                f,
                "it takes away what `{permission_set}` allows, with which you are signed in; \
                 `--allow-self-lockout` allows it"
            ),
        }
    }
}

/// The permission set session of the user who applies a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerSession {
    pub permission_set: PermissionSetName,
    pub account: AccountId,
    /// `None` if the session name is not in the directory.
    pub user: Option<UserId>,
    /// The user's groups that have the set there.
    pub groups: BTreeSet<GroupId>,
}

impl CallerSession {
    /// Parses the set, the account and the session name of an ARN
    /// `…:assumed-role/AWSReservedSSO_SET_suffix/NAME`.
    pub fn parse(arn: &str) -> Option<(PermissionSetName, AccountId, &str)> {
        let mut parts = arn.split(':').skip(4);
        let account = AccountId::new(parts.next()?).ok()?;
        let (role, name) = parts
            .next()?
            .strip_prefix("assumed-role/AWSReservedSSO_")?
            .split_once('/')?;
        // A set name may contain `_`; its suffix cannot.
        let (set, _) = role.rsplit_once('_')?;
        Some((PermissionSetName::new(set).ok()?, account, name))
    }

    fn is_own(&self, it: &AccountAssignment) -> bool {
        let is_there = it.permission_set == self.permission_set && it.account == self.account;
        is_there
            && match &it.principal {
                PrincipalRef::User(user) => self.user.as_ref() == Some(user),
                PrincipalRef::Group(group) => self.groups.contains(group),
            }
    }
}

pub fn refusals(
    diff: &AccessDiff,
    wanted: &WantedAccess,
    seen: &SeenAccess,
    caller: Option<&CallerSession>,
) -> Vec<AccessRefusal> {
    let mut found = Vec::new();
    let protected = wanted.sets.iter().filter(|(_, set)| set.protect);
    for (name, _) in protected {
        let mut actions = diff.changes.iter().map(|it| &it.action);
        if actions.any(|it| it.permission_set() == name && loosens(it, diff.is_created(name))) {
            found.push(AccessRefusal::Protected {
                permission_set: name.clone(),
            });
        }
    }
    let deletions = diff.totals().delete;
    if deletions > wanted.max_destroy {
        found.push(AccessRefusal::TooManyDeletions {
            deletions,
            allowed: wanted.max_destroy,
        });
    }
    let is_delete = |it: &AccessAction| {
        let delete = SetAction::Delete;
        matches!(it, AccessAction::Set { action, .. } if *action == delete)
    };
    let deletes_sets = diff.changes.iter().any(|it| is_delete(&it.action));
    if wanted.scope == ManagedScope::All && deletes_sets {
        found.push(AccessRefusal::Unconfirmed { deletions });
    }
    if let Some(caller) = caller.filter(|it| locks_out(diff, seen, it)) {
        found.push(AccessRefusal::SelfLockout {
            permission_set: caller.permission_set.clone(),
            account: caller.account.clone(),
        });
    }
    if let Some(caller) = caller.filter(|it| narrows(diff, it)) {
        found.push(AccessRefusal::SelfNarrowed {
            permission_set: caller.permission_set.clone(),
        });
    }
    found
}

/// Whether a write weakens protection: it deletes an assignment or changes permissions.
fn loosens(action: &AccessAction, is_created: bool) -> bool {
    match action {
        AccessAction::Unassign(_) => true,
        AccessAction::Assign(_) => false,
        AccessAction::Set { action, .. } => match action {
            SetAction::Delete => true,
            SetAction::Create { .. }
            | SetAction::Tag { .. }
            | SetAction::Untag { .. }
            | SetAction::Provision { .. } => false,
            SetAction::Update { .. }
            | SetAction::AttachManaged { .. }
            | SetAction::DetachManaged { .. }
            | SetAction::AttachCustomer { .. }
            | SetAction::DetachCustomer { .. }
            | SetAction::PutInline { .. }
            | SetAction::DeleteInline
            | SetAction::PutBoundary { .. }
            | SetAction::DeleteBoundary => !is_created,
        },
    }
}

/// Whether the caller has the set of their session now, but not afterwards.
fn locks_out(diff: &AccessDiff, seen: &SeenAccess, caller: &CallerSession) -> bool {
    let goes = |it: &AccountAssignment| {
        let unassign = AccessAction::Unassign(it.clone());
        diff.changes.iter().any(|change| change.action == unassign)
    };
    let own: Vec<&AccountAssignment> = seen
        .assignments
        .iter()
        .chain(&seen.temporary)
        .filter(|it| caller.is_own(it))
        .collect();
    let comes = diff
        .changes
        .iter()
        .any(|change| matches!(&change.action, AccessAction::Assign(it) if caller.is_own(it)));
    !own.is_empty() && own.iter().all(|it| goes(it)) && !comes
}

fn narrows(diff: &AccessDiff, caller: &CallerSession) -> bool {
    diff.changes.iter().any(|change| match &change.action {
        AccessAction::Assign(_) | AccessAction::Unassign(_) => false,
        AccessAction::Set {
            permission_set,
            action,
        } => *permission_set == caller.permission_set && takes_away(action, &change.old),
    })
}

/// Whether a write reduces permissions, judged without policies stored elsewhere.
fn takes_away(action: &SetAction, old: &Value) -> bool {
    match action {
        SetAction::DetachManaged { .. }
        | SetAction::DetachCustomer { .. }
        | SetAction::PutBoundary { .. } => true,
        SetAction::AttachManaged { arn } => arn.ends_with("/AWSDenyAll"),
        SetAction::DeleteInline => statements(old).iter().any(|it| has_effect(it, "Allow")),
        SetAction::PutInline { policy } => {
            let canonical = |policy: &Value| -> Vec<Value> {
                let all = statements(policy).into_iter();
                all.map(canonical_statement).collect()
            };
            let (before, after) = (canonical(old), canonical(policy));
            let goes = |it: &Value| has_effect(it, "Allow") && !after.contains(it);
            let comes = |it: &Value| has_effect(it, "Deny") && !before.contains(it);
            before.iter().any(goes) || after.iter().any(comes)
        }
        SetAction::Create { .. }
        | SetAction::Update { .. }
        | SetAction::AttachCustomer { .. }
        | SetAction::DeleteBoundary
        | SetAction::Tag { .. }
        | SetAction::Untag { .. }
        | SetAction::Provision { .. }
        // Its last assignment is deleted earlier.
        | SetAction::Delete => false,
    }
}

fn statements(policy: &Value) -> Vec<&Value> {
    match policy.get("Statement") {
        Some(Value::Array(all)) => all.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    }
}

fn has_effect(statement: &Value, effect: &str) -> bool {
    statement.get("Effect").and_then(Value::as_str) == Some(effect)
}

/// Roles that AWS deletes with their last assignment (`inventory.md` A-11).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastAccess {
    pub roles: BTreeMap<PermissionSetName, BTreeSet<AccountId>>,
    /// How long existing sessions may last, in seconds.
    pub session_seconds: u64,
}

pub fn last_access(diff: &AccessDiff, seen: &SeenAccess) -> LastAccess {
    let mut last = LastAccess::default();
    let has = |action: AccessAction| diff.changes.iter().any(|it| it.action == action);
    for change in &diff.changes {
        let AccessAction::Unassign(gone) = &change.action else {
            continue;
        };
        let is_there = |it: &&AccountAssignment| {
            it.permission_set == gone.permission_set && it.account == gone.account
        };
        let all = seen.assignments.iter().chain(&seen.temporary);
        let stays = all
            .filter(is_there)
            .any(|it| !has(AccessAction::Unassign(it.clone())));
        let comes = diff
            .changes
            .iter()
            .any(|it| matches!(&it.action, AccessAction::Assign(new) if is_there(&new)));
        if stays || comes {
            continue;
        }
        if let Some(set) = seen.sets.get(&gone.permission_set) {
            last.session_seconds = last.session_seconds.max(set.content.session_seconds);
        }
        let roles = last.roles.entry(gone.permission_set.clone()).or_default();
        roles.insert(gone.account.clone());
    }
    last
}
