use std::collections::HashSet;

use hallpass_access::{Directory, Fate, Grant, ItemKind, StandingView, SweepItem};
use hallpass_base::{HoldKey, TargetNames, Timestamp};

use super::{Grouping, HeldFilter};
use crate::ui::people::{self, GrantPlace};

/// Sort key of a group: accounts before groups, then by name.
pub(super) type Key = (bool, String, String);

#[derive(Clone, Copy, Debug)]
pub(super) enum AccessLine<'a> {
    Grant(&'a Grant),
    Found(&'a SweepItem),
}

impl<'a> AccessLine<'a> {
    /// Returns all access without duplicates: a finding with a grant is part of the grant.
    pub(super) fn all(grants: &'a [Grant], found: Option<&'a StandingView>) -> Vec<Self> {
        let granted: HashSet<&HoldKey> = grants.iter().map(|grant| &grant.key).collect();
        let found = found.into_iter().flat_map(|found| &found.items);
        let found = found
            .filter(|item| !granted.contains(&item.key))
            // removed, or an ended grant
            .filter(|item| !matches!(item.fate, Fate::Gone { .. } | Fate::Adopted { .. }))
            .map(Self::Found);
        grants.iter().map(Self::Grant).chain(found).collect()
    }

    pub(super) const fn key_of(self) -> &'a HoldKey {
        match self {
            Self::Grant(grant) => &grant.key,
            Self::Found(item) => &item.key,
        }
    }

    pub(super) const fn names(self) -> &'a TargetNames {
        match self {
            Self::Grant(grant) => &grant.names,
            Self::Found(item) => &item.names,
        }
    }

    pub(super) fn place(self, directory: &Directory) -> GrantPlace {
        people::place(directory, &self.key_of().target, self.names())
    }

    pub(super) fn held(self) -> String {
        people::held(self.names())
    }

    /// Name and address of the user. Removed users have only an id.
    pub(super) fn holder(self) -> (&'a str, &'a str) {
        match self {
            Self::Grant(grant) => (&grant.holder.name, grant.holder.email.as_str()),
            Self::Found(item) => {
                let email = item.holder.as_ref().map(|person| person.email.as_str());
                (item.holder_name(), email.unwrap_or("not in the directory"))
            }
        }
    }

    /// Access without end sorts last.
    pub(super) fn ends(self) -> Timestamp {
        match self {
            Self::Grant(grant) => grant.due_to_end(),
            Self::Found(_) => Timestamp::MAX,
        }
    }

    pub(super) fn is(self, kind: HeldFilter) -> bool {
        match (kind, self) {
            (HeldFilter::Every, _) | (HeldFilter::Temporary, Self::Grant(_)) => true,
            (HeldFilter::Standing, Self::Grant(grant)) => grant.standing,
            (HeldFilter::Standing, Self::Found(item)) => !is_unknown(item),
            (HeldFilter::Unknown, Self::Found(item)) => is_unknown(item),
            (HeldFilter::Temporary, Self::Found(_)) | (HeldFilter::Unknown, Self::Grant(_)) => {
                false
            }
        }
    }

    pub(super) fn key(self, by: Grouping, directory: &Directory) -> Option<Key> {
        let place = self.place(directory);
        match by {
            Grouping::All => Some((false, String::new(), String::new())),
            Grouping::Account => Some((place.is_group, place.name, place.id)),
            Grouping::Group => place.is_group.then_some((true, place.name, place.id)),
            Grouping::Set => (!place.is_group).then(|| (false, self.held(), String::new())),
            Grouping::Person => {
                let (name, email) = self.holder();
                let known = match self {
                    Self::Grant(_) => email.to_owned(),
                    Self::Found(item) => match &item.holder {
                        Some(person) => person.email.to_string(),
                        None => item.key.user.to_string(),
                    },
                };
                Some((false, name.to_lowercase(), known))
            }
        }
    }

    pub(super) fn fits(self, needle: &str, directory: &Directory) -> bool {
        let (place, held) = (self.place(directory), self.held());
        let (name, email) = self.holder();
        let texts = [name, email, &place.name, &place.id, &place.folder, &held];
        texts
            .iter()
            .any(|text| text.to_lowercase().contains(needle))
    }
}

pub(super) const fn is_unknown(item: &SweepItem) -> bool {
    match item.kind {
        ItemKind::Unknown | ItemKind::Preexisting { .. } => true,
        ItemKind::UnderGrant | ItemKind::Accepted { .. } | ItemKind::ReviewOverdue { .. } => false,
    }
}
