//! What was changed beside the files (`inventory.md` A-13).

use hallpass_activity::PrincipalKind;
use hallpass_base::{AccountId, PermissionSetName, Timestamp};
use hallpass_rules::Directory;
use serde::Serialize;

use crate::compare::AccessDiff;
use crate::select::WantedAccess;
use crate::state::{PrincipalRef, SeenAccess, SetPart};
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

/// What exactly an item is about, to find who changed it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DriftSubject {
    /// An assignment to this principal.
    Assignment(PrincipalRef),
    /// Whether the set is there.
    Existence,
    /// A part of the set.
    Part(SetPart),
    /// The set's roles in accounts.
    Roles,
    /// Whether this principal is there.
    Principal(PrincipalRef),
}

/// Who changed an item last, as far as a log says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum DriftAuthor {
    /// No log was asked.
    NotAsked,
    /// The log does not have it.
    NotInLog,
    /// The log has it.
    Known(LastChange),
}

impl DriftAuthor {
    const fn is_not_asked(&self) -> bool {
        matches!(self, Self::NotAsked)
    }
}

/// The last change of something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LastChange {
    /// Of which kind who did it is, as `aws_activity` names them.
    pub by_kind: &'static str,
    /// Who did it; empty where the record does not say.
    pub by: String,
    /// The permission set in whose session it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_permission_set: Option<String>,
    /// When it was asked for.
    pub at: Timestamp,
    /// The operation.
    pub event: String,
    /// The event's id in CloudTrail.
    pub event_id: String,
}

impl LastChange {
    /// Who did it, in words.
    pub fn who(&self) -> String {
        let kind = self.by_kind;
        let bare = [PrincipalKind::Person, PrincipalKind::SourceIdentity];
        if self.by.is_empty() {
            "somebody whom the record does not name".to_owned()
        } else if bare.iter().any(|it| it.name() == kind) {
            self.by.clone()
        } else {
            format!("{kind} {}", self.by)
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
    /// What exactly it is.
    #[serde(skip)]
    pub subject: DriftSubject,
    /// Who changed it last, where a log was asked.
    #[serde(skip_serializing_if = "DriftAuthor::is_not_asked")]
    pub last_change: DriftAuthor,
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
        // it goes with the edit that is told already
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
