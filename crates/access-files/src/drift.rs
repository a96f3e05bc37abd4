//! Finds changes made outside the files (`inventory.md` A-13).

use hallpass_activity::PrincipalKind;
use hallpass_base::{AccountId, PermissionSetName, Timestamp};
use hallpass_rules::Directory;
use serde::Serialize;

use crate::compare::AccessDiff;
use crate::select::WantedAccess;
use crate::state::{PrincipalRef, SeenAccess, SetPart};
use crate::steps::{AccessAction, SetAction, principal_name};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    AddedOutside,
    RemovedOutside,
    ChangedOutside,
    /// The set matches the file, but its roles in accounts are outdated.
    OutdatedProvisioning,
    /// The principal is not in the directory.
    UnknownPrincipal,
}

impl DriftKind {
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

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DriftSubject {
    Assignment(PrincipalRef),
    Existence,
    Part(SetPart),
    Roles,
    Principal(PrincipalRef),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum DriftAuthor {
    NotAsked,
    NotInLog,
    Known(LastChange),
}

impl DriftAuthor {
    const fn is_not_asked(&self) -> bool {
        matches!(self, Self::NotAsked)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LastChange {
    pub by_kind: &'static str,
    /// Empty if the record has no principal.
    pub by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_permission_set: Option<String>,
    pub at: Timestamp,
    pub event: String,
    pub event_id: String,
}

impl LastChange {
    pub fn who(&self) -> String {
        let kind = self.by_kind;
        let bare = [PrincipalKind::Person, PrincipalKind::SourceIdentity];
        if self.by.is_empty() {
            "a user that the record does not name".to_owned()
        } else if bare.iter().any(|it| it.name() == kind) {
            self.by.clone()
        } else {
            format!("{kind} {}", self.by)
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct DriftedItem {
    pub drift: DriftKind,
    pub permission_set: PermissionSetName,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    pub what: String,
    #[serde(skip)]
    pub subject: DriftSubject,
    #[serde(skip_serializing_if = "DriftAuthor::is_not_asked")]
    pub last_change: DriftAuthor,
}

/// Classifies a difference, and finds unknown principals.
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
        let is_ours = wanted.manages(&it.permission_set)
            && !wanted.ignoring.has(&it.permission_set, &it.account);
        if !is_known && is_ours {
            items.push(DriftedItem {
                drift: DriftKind::UnknownPrincipal,
                permission_set: it.permission_set.clone(),
                account: Some(it.account.clone()),
                what: it.principal.to_string(),
                subject: DriftSubject::Principal(it.principal.clone()),
                last_change: DriftAuthor::NotAsked,
            });
        }
    }
    items.sort();
    items.dedup();
    items
}

fn item(diff: &AccessDiff, action: &AccessAction, directory: &Directory) -> Option<DriftedItem> {
    let (permission_set, action) = match action {
        AccessAction::Assign(it) | AccessAction::Unassign(it) => {
            return Some(DriftedItem {
                drift: match action {
                    AccessAction::Assign(_) => DriftKind::RemovedOutside,
                    _ => DriftKind::AddedOutside,
                },
                permission_set: it.permission_set.clone(),
                account: Some(it.account.clone()),
                what: principal_name(&it.principal, directory),
                subject: DriftSubject::Assignment(it.principal.clone()),
                last_change: DriftAuthor::NotAsked,
            });
        }
        AccessAction::Set {
            permission_set,
            action,
        } => (permission_set, action),
    };
    let (drift, what, subject) = match action {
        SetAction::Create { .. } => (
            DriftKind::RemovedOutside,
            "permission set",
            DriftSubject::Existence,
        ),
        SetAction::Delete => (
            DriftKind::AddedOutside,
            "permission set",
            DriftSubject::Existence,
        ),
        // The edit is already reported.
        SetAction::Provision { edited: true } => return None,
        SetAction::Provision { edited: false } => (
            DriftKind::OutdatedProvisioning,
            "roles in accounts",
            DriftSubject::Roles,
        ),
        _ if diff.is_created(permission_set) => return None,
        other => {
            let part = other.part()?;
            (
                DriftKind::ChangedOutside,
                words(part),
                DriftSubject::Part(part),
            )
        }
    };
    Some(DriftedItem {
        drift,
        permission_set: permission_set.clone(),
        account: None,
        what: what.to_owned(),
        subject,
        last_change: DriftAuthor::NotAsked,
    })
}

const fn words(part: SetPart) -> &'static str {
    match part {
        SetPart::Texts => "description, session or relay state",
        SetPart::Managed => "managed_policies",
        SetPart::Customer => "customer_managed_policies",
        SetPart::Inline => "inline_policy",
        SetPart::Boundary => "permissions_boundary",
        SetPart::Tags => "tags",
    }
}
