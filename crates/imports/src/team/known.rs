//! Names in rows that are missing in the organization.

use hallpass_rules::{Directory, GroupRef};

use super::rows::{ApproverPlace, Approvers, Holder, Offer};
use crate::report::RowNote;

pub(super) fn gone_holder(holder: &Holder, facts: &Directory) -> Option<RowNote> {
    match holder {
        Holder::User(id) => {
            let is_there = facts.person(id).is_some();
            (!is_there).then(|| gone("user", id.as_str()))
        }
        Holder::Group(id) => gone_group(&GroupRef::Id(id.clone()), facts),
    }
}

/// Missing accounts and units; permission sets are not checked because offers contain only existing
/// ones.
pub(super) fn gone_of_offer(entry: &Offer, facts: &Directory) -> Vec<RowNote> {
    let mut notes = Vec::new();
    let accounts = entry
        .accounts
        .iter()
        .filter(|(id, _)| facts.account(id).is_none());
    notes.extend(accounts.map(|(id, _)| gone("account", id.as_str())));
    let units = entry.units.iter();
    notes.extend(units.filter_map(|(id, _)| gone_unit(id, facts)));
    notes
}

pub(super) fn gone_of_approvers(row: &Approvers, facts: &Directory) -> Vec<RowNote> {
    let place = match &row.place {
        ApproverPlace::Account(id) if facts.account(id).is_none() => {
            Some(gone("account", id.as_str()))
        }
        ApproverPlace::Account(_) | ApproverPlace::Policies => None,
        ApproverPlace::Unit(id) => gone_unit(id, facts),
    };
    let groups = row.groups.iter();
    let groups = groups.filter_map(|(id, _)| gone_group(&GroupRef::Id(id.clone()), facts));
    place.into_iter().chain(groups).collect()
}

fn gone(what: &'static str, id: &str) -> RowNote {
    RowNote::Gone {
        what,
        id: id.to_owned(),
    }
}

fn gone_group(group: &GroupRef, facts: &Directory) -> Option<RowNote> {
    facts
        .resolve_group(group)
        .is_none()
        .then(|| gone("group", &group.to_string()))
}

fn gone_unit(id: &str, facts: &Directory) -> Option<RowNote> {
    let units = facts.organizational_units();
    let known = id == facts.root_id()
        || units
            .iter()
            .any(|path| path.last().is_some_and(|unit| unit.id == id));
    (!known).then(|| gone("organizational unit", id))
}
