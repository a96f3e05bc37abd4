//! Finds the author of a drift in the log (`inventory.md` A-13). Only a change of exactly that item
//! and direction, with no later change, counts.

use std::collections::BTreeSet;

use hallpass_activity::CenterChange;
use hallpass_base::AccountId;

use crate::drift::{DriftAuthor, DriftKind, DriftSubject, DriftedItem, LastChange};
use crate::state::{PrincipalRef, SeenAccess, SetPart};

fn as_told(change: &CenterChange) -> LastChange {
    LastChange {
        by_kind: change.by.kind.name(),
        by: change.by.name.clone(),
        by_permission_set: change.by.permission_set.clone(),
        at: change.at,
        event: change.event.clone(),
        event_id: change.event_id.clone(),
    }
}

const ASSIGN: &str = "CreateAccountAssignment";
const UNASSIGN: &str = "DeleteAccountAssignment";
const CREATE: &str = "CreatePermissionSet";
const DELETE: &str = "DeletePermissionSet";

const fn of_part(part: SetPart) -> &'static [&'static str] {
    match part {
        SetPart::Texts => &["UpdatePermissionSet"],
        SetPart::Managed => &[
            "AttachManagedPolicyToPermissionSet",
            "DetachManagedPolicyFromPermissionSet",
        ],
        SetPart::Customer => &[
            "AttachCustomerManagedPolicyReferenceToPermissionSet",
            "DetachCustomerManagedPolicyReferenceFromPermissionSet",
        ],
        SetPart::Inline => &[
            "PutInlinePolicyToPermissionSet",
            "DeleteInlinePolicyFromPermissionSet",
        ],
        SetPart::Boundary => &[
            "PutPermissionsBoundaryToPermissionSet",
            "DeletePermissionsBoundaryFromPermissionSet",
        ],
        SetPart::Tags => &["TagResource", "UntagResource"],
    }
}

/// Returns the events that produce an item's state, and those that must precede them.
fn events_of(item: &DriftedItem) -> (Vec<&'static str>, Vec<&'static str>) {
    match &item.subject {
        DriftSubject::Assignment(_) => towards(item.drift, ASSIGN, UNASSIGN),
        DriftSubject::Existence => towards(item.drift, CREATE, DELETE),
        DriftSubject::Part(part) => (of_part(*part).to_vec(), Vec::new()),
        // Roles reflect the set before its last edit; of tags and texts, only the session length
        // affects them.
        DriftSubject::Roles => {
            let parts = SetPart::ALL.iter().filter(|it| **it != SetPart::Tags);
            (
                parts.flat_map(|it| of_part(*it)).copied().collect(),
                Vec::new(),
            )
        }
        DriftSubject::Principal(PrincipalRef::User(_)) => (vec!["DeleteUser"], Vec::new()),
        DriftSubject::Principal(PrincipalRef::Group(_)) => (vec!["DeleteGroup"], Vec::new()),
    }
}

fn towards(
    drift: DriftKind,
    made: &'static str,
    unmade: &'static str,
) -> (Vec<&'static str>, Vec<&'static str>) {
    if drift == DriftKind::RemovedOutside {
        (vec![unmade], vec![made])
    } else {
        (vec![made], vec![unmade])
    }
}

pub fn changing_events(items: &[DriftedItem]) -> BTreeSet<&'static str> {
    let both = items.iter().map(events_of);
    both.flat_map(|(made, unmade)| made.into_iter().chain(unmade))
        .collect()
}

/// `changes` may be unordered and have duplicates.
pub fn name_authors(items: &mut [DriftedItem], seen: &SeenAccess, changes: &[CenterChange]) {
    for item in items {
        let (made, unmade) = events_of(item);
        let arns = arns_of(item, seen, changes);
        let is_about = |it: &&CenterChange| {
            let event = it.event.as_str();
            (made.contains(&event) || unmade.contains(&event)) && is_of(item, &arns, it)
        };
        let last = changes
            .iter()
            .filter(is_about)
            // Within one second, the change that made the present state is the later one.
            .max_by_key(|it| (it.at, made.contains(&it.event.as_str()), &it.event_id));
        item.last_change = match last {
            // The change itself is missing from the log.
            Some(last) if made.contains(&last.event.as_str()) => DriftAuthor::Known(as_told(last)),
            _ => DriftAuthor::NotInLog,
        };
    }
}

/// Returns the ARN as read from AWS, else those that the log has for the name.
fn arns_of<'a>(
    item: &DriftedItem,
    seen: &'a SeenAccess,
    changes: &'a [CenterChange],
) -> BTreeSet<&'a str> {
    if let Some(set) = seen.sets.get(&item.permission_set) {
        return [set.arn.as_str()].into();
    }
    let named = |it: &&CenterChange| {
        it.event == CREATE && it.set_name.as_deref() == Some(item.permission_set.as_str())
    };
    let named = changes.iter().filter(named);
    named
        .filter_map(|it| it.permission_set.as_deref())
        .collect()
}

fn is_of(item: &DriftedItem, arns: &BTreeSet<&str>, change: &CenterChange) -> bool {
    let principal = change.principal.as_deref();
    if let DriftSubject::Principal(it) = &item.subject {
        return principal == Some(it.id());
    }
    if !change
        .permission_set
        .as_deref()
        .is_some_and(|it| arns.contains(it))
    {
        return false;
    }
    match &item.subject {
        DriftSubject::Assignment(it) => {
            let account = item.account.as_ref().map(AccountId::as_str);
            principal == Some(it.id()) && change.account.as_deref() == account
        }
        _ => true,
    }
}
