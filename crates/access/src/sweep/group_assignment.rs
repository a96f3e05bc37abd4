//! Permission sets that AWS assigns to groups. Sweeps list them and never act on them.

use std::collections::BTreeSet;

use hallpass_base::{TargetNames, Timestamp};
use hallpass_rules::Directory;
use serde::{Deserialize, Serialize};

use super::{GroupAssignmentKey, StandingListing, StandingScope, TargetLabels};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupAssignment {
    #[serde(flatten)]
    pub key: GroupAssignmentKey,
    /// Start of the first listing that showed it.
    pub first_seen: Timestamp,
    /// Start of the first listing since that could not read its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread_since: Option<Timestamp>,
}

/// A row with today's names, or ids where the directory has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedGroupAssignment {
    pub row: GroupAssignment,
    pub names: TargetNames,
    pub group: String,
}

impl NamedGroupAssignment {
    pub(crate) fn all(rows: Vec<GroupAssignment>, directory: &Directory) -> Vec<Self> {
        let labels = TargetLabels::of(directory);
        let named = rows.into_iter().map(|row| {
            let group = directory.group(&row.key.group);
            Self {
                names: labels.of_target(&row.key.target(), None),
                group: group.map_or_else(|| row.key.group.to_string(), |it| it.name.clone()),
                row,
            }
        });
        named.collect()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupAssignmentWrite {
    /// Inserts or replaces.
    Store(GroupAssignment),
    Remove(GroupAssignmentKey),
}

/// Returns what a listing changes in the stored rows. A row whose place could not be read stays and
/// is marked; a row outside of the scope is removed, since no listing would notice its end.
pub(crate) fn changes(
    stored: &[GroupAssignment],
    listing: &StandingListing,
    scope: &StandingScope,
) -> Vec<GroupAssignmentWrite> {
    let known: BTreeSet<&GroupAssignmentKey> = stored.iter().map(|row| &row.key).collect();
    let new = listing.group_assignments.iter();
    let new = new.filter(|key| !known.contains(key)).map(|key| {
        GroupAssignmentWrite::Store(GroupAssignment {
            key: key.clone(),
            first_seen: listing.began,
            unread_since: None,
        })
    });
    let not_read = listing.not_read();
    let changed = stored.iter().filter_map(|row| {
        let GroupAssignmentKey {
            account,
            permission_set,
            ..
        } = &row.key;
        let unread_since = if listing.group_assignments.contains(&row.key) {
            None
        } else if scope.covers(account, permission_set) && not_read.contains(&row.key.target()) {
            row.unread_since.or(Some(listing.began))
        } else {
            return Some(GroupAssignmentWrite::Remove(row.key.clone()));
        };
        (unread_since != row.unread_since).then(|| {
            GroupAssignmentWrite::Store(GroupAssignment {
                unread_since,
                ..row.clone()
            })
        })
    });
    new.chain(changed).collect()
}
