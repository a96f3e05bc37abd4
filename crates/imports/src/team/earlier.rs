//! Interaction of eligibility entries in releases before June 2024.
//!
//! The router reads a person's own entries before those of groups, and refuses durations above the
//! longest so far, for any target: the first entry's hours limit every target. One entry with
//! approval for the target requires it. AWS's group order is unknown, so the fewest hours of all
//! entries count here.

use super::entry::EntryOf;
use super::rows::{Eligibility, Holder, Offer, TableRow};
use crate::report::RowNote;

pub(super) struct EarlierEntries {
    /// Holders with hours, capped by the settings.
    limits: Vec<(Holder, u32)>,
    needing: Vec<(Holder, Offer)>,
    /// False if an unconvertible row may require approval for anything.
    are_said: bool,
}

impl EarlierEntries {
    pub(super) fn of(read: &[(TableRow, Option<EntryOf>)], most: u32) -> Self {
        let own = read.iter().filter_map(|(_, entry)| entry.as_ref()?.own());
        let needing = own.filter(|it| it.offer.approval_required);
        let limits = read.iter().filter_map(|(row, _)| row.limit());
        Self {
            limits: limits.map(|(who, hours)| (who, hours.min(most))).collect(),
            needing: needing
                .map(|it| (it.holder.clone(), it.offer.clone()))
                .collect(),
            are_said: read.iter().all(|(_, entry)| entry.is_some()),
        }
    }

    /// Checks if people of an entry may have another one for the same target that needs an
    /// approval.
    pub(super) fn want_approval(&self, entry: &Eligibility) -> bool {
        let mut needing = self.needing.iter();
        !self.are_said
            || needing.any(|(holder, offer)| {
                may_be_one(holder, &entry.holder) && offer.may_meet(&entry.offer)
            })
    }

    pub(super) fn notes(&self, entry: &Eligibility, most: u32, approval: bool) -> Vec<RowNote> {
        let own = entry.offer.hours.min(most);
        let mut limits = self.limits.iter();
        let is_other = |it: &(Holder, u32)| it.1 != own && may_be_one(&it.0, &entry.holder);
        let mut notes = Vec::new();
        notes.extend(limits.any(is_other).then_some(FEWEST));
        let waits = approval && !entry.offer.approval_required && self.want_approval(entry);
        notes.extend(waits.then_some(RowNote::ApprovalOfAnyEntry));
        notes
    }
}

/// Checks if one person may be both holders.
fn may_be_one(one: &Holder, other: &Holder) -> bool {
    match (one, other) {
        (Holder::User(one), Holder::User(other)) => one == other,
        (Holder::Group(_), _) | (_, Holder::Group(_)) => true,
    }
}

const FEWEST: RowNote = RowNote::Narrower(std::borrow::Cow::Borrowed(
    "users in other entries too have the fewest hours of them all, for any access; AWS TEAM takes those of \
     the first entry it finds, a user's own before those of groups",
));
