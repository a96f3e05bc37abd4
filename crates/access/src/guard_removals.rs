//! What guards removed, and what of it concerns a grant. Pure.

use std::collections::BTreeMap;

use hallpass_assignments::{Absence, AssignmentRow, GuardRemoval, RemovalStage, Verdict};
use hallpass_base::{HoldKey, Timestamp};

use crate::{EndCause, Grant, Holds};

/// What guards removed, the newest of each key.
#[derive(Clone, Debug, Default)]
pub struct Removals {
    revision: u64,
    by_key: BTreeMap<HoldKey, GuardRemoval>,
}

impl Removals {
    /// What journals say; `revision` grows with every record of theirs.
    pub fn new(revision: u64, removals: impl IntoIterator<Item = GuardRemoval>) -> Self {
        let mut by_key = BTreeMap::new();
        for removal in removals {
            add(&mut by_key, removal);
        }
        Self { revision, by_key }
    }

    /// Grows with every record of a journal.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The newest removal of a key.
    pub fn of(&self, key: &HoldKey) -> Option<&GuardRemoval> {
        self.by_key.get(key)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &GuardRemoval> {
        self.by_key.values()
    }
}

fn add(by_key: &mut BTreeMap<HoldKey, GuardRemoval>, removal: GuardRemoval) {
    let key = removal.end.key.clone();
    let is_older = by_key.get(&key).is_some_and(|known| {
        let (one, other) = (&known.end, &removal.end);
        // revisions begin anew with a new row: the instant tells rows apart
        if one.rev == other.rev && one.until == other.until {
            // of two guards the one that did it counts, not the one that came after it
            (known.stage, known.at) > (removal.stage, removal.at)
        } else {
            known.at > removal.at
        }
    });
    if !is_older {
        by_key.insert(key, removal);
    }
}

/// Whether a removal has to do with what is wanted of a key now: it came after that was desired.
fn concerns(removal: &GuardRemoval, row: &AssignmentRow) -> bool {
    removal.at >= row.desired.asked_at
}

/// Whether a removal is the end of a grant, and not only of an older form of it.
pub(crate) fn is_end_of(removal: &GuardRemoval, row: &AssignmentRow, grant: &Grant) -> bool {
    let holds = removal.end.grants.contains(&grant.id);
    concerns(removal, row) && holds && grant.ends_at <= removal.end.until
}

/// The cause of an end whose time has come: a guard's, if one was faster.
pub(crate) fn due_cause(removal: Option<&GuardRemoval>, holds: &Holds, grant: &Grant) -> EndCause {
    let (removal, row) = match (removal, &holds.row) {
        (Some(removal), Some(row)) if is_end_of(removal, row, grant) => (removal, row),
        _ => return EndCause::Expired,
    };
    match removal.stage {
        RemovalStage::Seen => cause(removal),
        // begun and never told: whether it was done is known once the access is seen gone
        RemovalStage::Begun if is_lost(row) => cause(removal),
        RemovalStage::Begun => EndCause::Expired,
    }
}

/// The removal by which the access of an ending grant went, now that it was seen gone.
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

/// Whether a removal was the last that found something: the access was neither seen nor created
/// since, so one of ours that came after it, from a server that had not read of it, found nothing.
fn is_last(removal: &GuardRemoval, row: &AssignmentRow) -> bool {
    let execution = &row.execution;
    let since = |at: Option<Timestamp>| at.is_some_and(|at| at > removal.at);
    removal.stage == RemovalStage::Seen
        && !since(execution.created_at)
        && !since(execution.last_present_at)
}

/// That a guard did it.
pub(crate) fn cause(removal: &GuardRemoval) -> EndCause {
    EndCause::Guard {
        guard: removal.guard.clone(),
        removed_at: removal.at,
    }
}

pub(crate) fn is_lost(row: &AssignmentRow) -> bool {
    matches!(row.execution.verdict, Verdict::Lost { .. })
}
