use std::collections::{BTreeSet, HashSet};

use hallpass_access::{
    Directory, EntitledPrincipal, Fate, Grant, ItemKind, NamedEntitlement, NamedGroupAssignment,
    StandingView, SweepItem,
};
use hallpass_base::{GroupId, HoldKey, Target, Timestamp, UserId};

use super::{Grouping, HeldFilter};
use crate::ui::people::{self, GrantPlace};
use crate::ui::words::plain;

/// Sort key of a group: accounts before groups, then by name.
pub(super) type Key = (bool, String, String);

#[derive(Clone, Copy, Debug)]
pub(super) enum AccessLine<'a> {
    Grant(&'a Grant),
    Found(&'a SweepItem),
    OfGroup(&'a NamedGroupAssignment),
    Entitled(&'a NamedEntitlement),
}

/// What a search for a person finds through groups.
pub(super) struct GroupsOfMatches<'a>(BTreeSet<&'a GroupId>);

impl<'a> GroupsOfMatches<'a> {
    /// Returns the groups with a member whose name or address contains `needle`, from the directory,
    /// the last sweep and live grants.
    pub(super) fn find(lines: &[AccessLine<'a>], directory: &'a Directory, needle: &str) -> Self {
        let matches = |text: &str| text.to_lowercase().contains(needle);
        let people: BTreeSet<&UserId> = directory
            .people()
            .iter()
            .filter(|it| {
                let is_email = it.emails.iter().any(|email| matches(email.as_str()));
                is_email || matches(&it.display_name) || matches(&it.user_name)
            })
            .map(|it| &it.user_id)
            .collect();
        let members = lines.iter().filter_map(|line| match line.user_target()? {
            (user, Target::Group { group }) if people.contains(user) => Some(group),
            _ => None,
        });
        let known = directory.groups().iter().map(|group| &group.id);
        let known = known.filter(|group| {
            let members = directory.members_of(group);
            members.is_some_and(|it| it.iter().any(|user| people.contains(user)))
        });
        Self(members.chain(known).collect())
    }
}

impl<'a> AccessLine<'a> {
    /// Returns all access without duplicates: a finding with a grant is part of the grant.
    pub(super) fn all(grants: &'a [Grant], found: Option<&'a StandingView>) -> Vec<Self> {
        let granted: HashSet<&HoldKey> = grants.iter().map(|grant| &grant.key).collect();
        let items = found.into_iter().flat_map(|found| &found.items);
        let items = items
            .filter(|item| !granted.contains(&item.key))
            // removed, or an ended grant
            .filter(|item| !matches!(item.fate, Fate::Gone { .. } | Fate::Adopted { .. }))
            .map(Self::Found);
        let of_groups = found.map_or(&[][..], |found| &found.group_assignments);
        let report = found.and_then(|found| found.sweep.as_ref()?.report.as_ref());
        let entitled = report.and_then(|report| report.entitlements.as_ref());
        let entitled = entitled.into_iter().flat_map(|report| &report.named);
        grants
            .iter()
            .map(Self::Grant)
            .chain(items)
            .chain(of_groups.iter().map(Self::OfGroup))
            .chain(entitled.map(Self::Entitled))
            .collect()
    }

    /// The user and target of access that is not a group's.
    pub(super) const fn user_target(self) -> Option<(&'a UserId, &'a Target)> {
        match self {
            Self::Grant(grant) => Some((&grant.key.user, &grant.key.target)),
            Self::Found(item) => Some((&item.key.user, &item.key.target)),
            Self::OfGroup(_) | Self::Entitled(_) => None,
        }
    }

    /// Whether a user with these groups has the access.
    pub(super) fn reaches(self, user: &UserId, groups: &BTreeSet<GroupId>) -> bool {
        match self {
            Self::Grant(_) | Self::Found(_) => self.user_target().is_some_and(|it| it.0 == user),
            Self::OfGroup(line) => groups.contains(&line.row.key.group),
            Self::Entitled(it) => match &it.entitlement.principal {
                EntitledPrincipal::Group(group) => groups.contains(group),
                EntitledPrincipal::User(id) => id == user,
            },
        }
    }

    /// Unique among all lines.
    pub(super) fn id(self) -> String {
        match self {
            Self::Grant(grant) => grant.key.to_string(),
            Self::Found(item) => item.key.to_string(),
            Self::OfGroup(line) => line.row.key.to_string(),
            Self::Entitled(it) => it.entitlement.id.clone(),
        }
    }

    pub(super) fn place(self, directory: &Directory) -> GrantPlace {
        match self {
            Self::Grant(grant) => people::place(directory, &grant.key.target, &grant.names),
            Self::Found(item) => people::place(directory, &item.key.target, &item.names),
            Self::OfGroup(it) => people::place(directory, &it.row.key.target(), &it.names),
            Self::Entitled(it) => {
                people::account_place(directory, &it.entitlement.account, &it.account_name)
            }
        }
    }

    pub(super) fn held(self) -> String {
        match self {
            Self::Grant(grant) => people::held(&grant.names),
            Self::Found(item) => people::held(&item.names),
            Self::OfGroup(it) => people::held(&it.names),
            Self::Entitled(it) => format!("Role {}", plain(it.entitlement.role_name())),
        }
    }

    pub(super) const fn group(self) -> Option<&'a GroupId> {
        match self {
            Self::OfGroup(line) => Some(&line.row.key.group),
            Self::Entitled(it) => match &it.entitlement.principal {
                EntitledPrincipal::Group(group) => Some(group),
                EntitledPrincipal::User(_) => None,
            },
            Self::Grant(_) | Self::Found(_) => None,
        }
    }

    /// Name and address of the holder. Removed users have only an id, groups no address.
    pub(super) fn holder(self) -> (&'a str, &'a str) {
        match self {
            Self::OfGroup(it) => (&it.group, "Group"),
            Self::Entitled(it) => match &it.entitlement.principal {
                EntitledPrincipal::Group(_) => (&it.holder, "Group"),
                EntitledPrincipal::User(user) => (&it.holder, user.as_str()),
            },
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
            Self::Found(_) | Self::OfGroup(_) | Self::Entitled(_) => Timestamp::MAX,
        }
    }

    pub(super) fn is(self, kind: HeldFilter) -> bool {
        match (kind, self) {
            (HeldFilter::Every, _) | (HeldFilter::Temporary, Self::Grant(_)) => true,
            (HeldFilter::Standing, Self::Grant(grant)) => grant.standing,
            (HeldFilter::Standing, Self::Found(item)) => !is_unknown(item),
            (HeldFilter::Unknown, Self::Found(item)) => is_unknown(item),
            (HeldFilter::Group, line) => matches!(line, Self::OfGroup(_)),
            (HeldFilter::Entitlement, line) => matches!(line, Self::Entitled(_)),
            (HeldFilter::Temporary | HeldFilter::Standing | HeldFilter::Unknown, _) => false,
        }
    }

    pub(super) fn key(self, by: Grouping, directory: &Directory) -> Option<Key> {
        let place = self.place(directory);
        match by {
            Grouping::All => Some((false, String::new(), String::new())),
            Grouping::Account => Some((place.is_group, place.name, place.id)),
            Grouping::Group => match self {
                Self::OfGroup(line) => {
                    let group = line.row.key.group.to_string();
                    Some((true, plain(&line.group), group))
                }
                _ => place.is_group.then_some((true, place.name, place.id)),
            },
            Grouping::Set => (!place.is_group).then(|| (false, self.held(), String::new())),
            Grouping::Person => {
                let (name, email) = self.holder();
                let known = match self {
                    Self::Grant(_) | Self::Entitled(_) => email.to_owned(),
                    Self::OfGroup(line) => line.row.key.group.to_string(),
                    Self::Found(item) => match &item.holder {
                        Some(person) => person.email.to_string(),
                        None => item.key.user.to_string(),
                    },
                };
                Some((self.group().is_some(), name.to_lowercase(), known))
            }
        }
    }

    pub(super) fn fits(
        self,
        needle: &str,
        groups: &GroupsOfMatches<'_>,
        directory: &Directory,
    ) -> bool {
        if self.group().is_some_and(|group| groups.0.contains(group)) {
            return true;
        }

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
