//! What was changed beside the files (`inventory.md` A-13).

use hallpass_model::{AccountId, PermissionSetName};
use hallpass_rules::Directory;
use serde::Serialize;

use crate::compare::AccessDiff;
use crate::select::WantedAccess;
use crate::state::{PrincipalRef, SeenAccess};
use crate::steps::{AccessAction, SetAction, principal_name};

/// What happened to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    /// It is there, and in no file.
    AddedOutside,
    /// It is in a file, and not there.
    RemovedOutside,
    /// It is there in another form.
    ChangedOutside,
    /// The set is as the file says, and its roles in accounts are not.
    OutdatedProvisioning,
    /// It is for somebody who is not in the directory.
    UnknownPrincipal,
}

impl DriftKind {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AddedOutside => "added_outside",
            Self::RemovedOutside => "removed_outside",
            Self::ChangedOutside => "changed_outside",
            Self::OutdatedProvisioning => "outdated_provisioning",
            Self::UnknownPrincipal => "unknown_principal",
        }
    }
}

/// Something that is not as the files say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct DriftedItem {
    /// What happened to it.
    pub drift: DriftKind,
    /// The set.
    pub permission_set: PermissionSetName,
    /// The account of an assignment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// Who an assignment is for, or which part of the set it is.
    pub what: String,
}

/// Classifies a difference, and finds assignments to nobody.
pub fn drift(
    diff: &AccessDiff,
    wanted: &WantedAccess,
    seen: &SeenAccess,
    directory: &Directory,
) -> Vec<DriftedItem> {
    let mut items: Vec<DriftedItem> = diff
        .changes
        .iter()
        .filter_map(|change| item(diff, &change.action, directory))
        .collect();
    for it in &seen.assignments {
        let is_known = match &it.principal {
            PrincipalRef::Group(id) => directory.group(id).is_some(),
            PrincipalRef::User(id) => directory.person(id).is_some(),
        };
        if !is_known && wanted.manages(&it.permission_set) {
            items.push(DriftedItem {
                drift: DriftKind::UnknownPrincipal,
                permission_set: it.permission_set.clone(),
                account: Some(it.account.clone()),
                what: it.principal.to_string(),
            });
        }
    }
    items.sort();
    items.dedup();
    items
}

fn item(diff: &AccessDiff, action: &AccessAction, directory: &Directory) -> Option<DriftedItem> {
    let of_set = |drift, what: &str| DriftedItem {
        drift,
        permission_set: action.permission_set().clone(),
        account: None,
        what: what.to_owned(),
    };
    Some(match action {
        AccessAction::Assign(it) | AccessAction::Unassign(it) => DriftedItem {
            drift: match action {
                AccessAction::Assign(_) => DriftKind::RemovedOutside,
                _ => DriftKind::AddedOutside,
            },
            permission_set: it.permission_set.clone(),
            account: Some(it.account.clone()),
            what: principal_name(&it.principal, directory),
        },
        AccessAction::Set {
            permission_set,
            action,
        } => match action {
            SetAction::Create { .. } => of_set(DriftKind::RemovedOutside, "permission set"),
            SetAction::Delete => of_set(DriftKind::AddedOutside, "permission set"),
            // it goes with the edit that is told already
            SetAction::Provision { edited: true } => return None,
            SetAction::Provision { edited: false } => {
                of_set(DriftKind::OutdatedProvisioning, "roles in accounts")
            }
            _ if diff.is_created(permission_set) => return None,
            SetAction::Update { .. } => of_set(
                DriftKind::ChangedOutside,
                "description, session or relay state",
            ),
            SetAction::AttachManaged { .. } | SetAction::DetachManaged { .. } => {
                of_set(DriftKind::ChangedOutside, "managed_policies")
            }
            SetAction::AttachCustomer { .. } | SetAction::DetachCustomer { .. } => {
                of_set(DriftKind::ChangedOutside, "customer_managed_policies")
            }
            SetAction::PutInline { .. } | SetAction::DeleteInline => {
                of_set(DriftKind::ChangedOutside, "inline_policy")
            }
            SetAction::PutBoundary { .. } | SetAction::DeleteBoundary => {
                of_set(DriftKind::ChangedOutside, "permissions_boundary")
            }
            SetAction::Tag { .. } | SetAction::Untag { .. } => {
                of_set(DriftKind::ChangedOutside, "tags")
            }
        },
    })
}
