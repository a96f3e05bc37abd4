//! Removals by guards and the grants that they affect. Pure.

use std::collections::BTreeMap;

use hallpass_assignments::{Absence, AssignmentRow, GuardRemoval, RemovalStage, Verdict};
use hallpass_base::{HoldKey, Timestamp};

use crate::{EndCause, Grant, Holds};

#[derive(Clone, Debug, Default)]
pub struct Removals {
    revision: u64,
    by_key: BTreeMap<HoldKey, GuardRemoval>,
}

impl Removals {
    pub fn new(revision: u64, removals: impl IntoIterator<Item = GuardRemoval>) -> Self {
        let mut by_key = BTreeMap::new();
        for removal in removals {
            add(&mut by_key, removal);
        }
        Self { revision, by_key }
    }

    /// Grows with every journal record.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn of(&self, key: &HoldKey) -> Option<&GuardRemoval> {
        self.by_key.get(key)
    }

    pub fn iter(&self) -> impl Iterator<Item = &GuardRemoval> {
        self.by_key.values()
    }
}

fn add(by_key: &mut BTreeMap<HoldKey, GuardRemoval>, removal: GuardRemoval) {
    let key = removal.end.key.clone();
    let is_older = by_key.get(&key).is_some_and(|known| {
        let (one, other) = (&known.end, &removal.end);
        // A new row restarts its revisions: the instant tells rows apart.
        if one.rev == other.rev && one.until == other.until {
            // Of two guards, the one that removed it counts, not the later one.
            (known.stage, known.at) > (removal.stage, removal.at)
        } else {
            known.at > removal.at
        }
    });
    if !is_older {
        by_key.insert(key, removal);
    }
}

/// Whether the removal came after the present wish for the key.
fn concerns(removal: &GuardRemoval, row: &AssignmentRow) -> bool {
    removal.at >= row.desired.asked_at
}

/// Whether a removal ends the grant, and not only an older end of it.
pub(crate) fn is_end_of(removal: &GuardRemoval, row: &AssignmentRow, grant: &Grant) -> bool {
    let holds = removal.end.grants.contains(&grant.id);
    concerns(removal, row) && holds && grant.ends_at <= removal.end.until
}

/// A guard is the cause if it was faster.
pub(crate) fn due_cause(removal: Option<&GuardRemoval>, holds: &Holds, grant: &Grant) -> EndCause {
    let (removal, row) = match (removal, &holds.row) {
        (Some(removal), Some(row)) if is_end_of(removal, row, grant) => (removal, row),
        _ => return EndCause::Expired,
    };
    match removal.stage {
        RemovalStage::Seen => cause(removal),
        // Begun without a result: the listing of the access decides.
        RemovalStage::Begun if is_lost(row) => cause(removal),
        RemovalStage::Begun => EndCause::Expired,
    }
}

pub(crate) fn removed_by<'a>(
    removal: Option<&'a GuardRemoval>,
    row: &AssignmentRow,
    grant: &Grant,
) -> Option<&'a GuardRemoval> {
    let removal = removal?;
    let counts = concerns(removal, row) && removal.end.grants.contains(&grant.id);
    let Verdict::Absent { why, .. } = &row.execution.verdict else {
        return None;
    };
    let gone = match why {
        Absence::AlreadyAbsent => true,
        Absence::Removed => row.execution.deleted_at == Some(removal.at) || is_last(removal, row),
        Absence::NeverCreated | Absence::PrincipalGone | Absence::AccountGone => false,
    };
    (counts && gone).then_some(removal)
}

/// Whether the access was neither seen nor created since. A later removal by a server unaware of
/// the guard's found nothing.
fn is_last(removal: &GuardRemoval, row: &AssignmentRow) -> bool {
    let execution = &row.execution;
    let since = |at: Option<Timestamp>| at.is_some_and(|at| at > removal.at);
    removal.stage == RemovalStage::Seen
        && !since(execution.created_at)
        && !since(execution.last_present_at)
}

pub(crate) fn cause(removal: &GuardRemoval) -> EndCause {
    EndCause::Guard {
        guard: removal.guard.clone(),
        removed_at: removal.at,
    }
}

pub(crate) fn is_lost(row: &AssignmentRow) -> bool {
    matches!(row.execution.verdict, Verdict::Lost { .. })
}
