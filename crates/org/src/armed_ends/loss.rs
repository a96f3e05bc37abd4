//! What the armer remembers of a lost home Region: what it has looked at because of it, and that nobody could be asked meanwhile.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use hallpass_model::{HoldKey, Timestamp};

use super::ArmedEnd;

/// What is remembered from one tick to the next.
#[derive(Default)]
pub(super) struct LossMemory(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    /// Whether it was lost at the last tick.
    was_lost: bool,
    /// Ends that were looked at since it has been lost for long enough to deny: later they come when they are due.
    hurried: BTreeSet<HoldKey>,
}

impl LossMemory {
    /// Notes whether it is lost, and since when what is overdue is denied for that. Returns whether it answers again: nobody was
    /// asked meanwhile what else people hold whose ends are in force.
    pub(super) fn note(&self, is_lost: bool, denies: Option<Timestamp>) -> bool {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if denies.is_none() {
            memory.hurried.clear();
        }
        std::mem::replace(&mut memory.was_lost, is_lost) && !is_lost
    }

    /// What is to be denied because it is lost is due at once, whatever pause it is in; what is in force, once it answers again.
    pub(super) fn hurry(
        &self,
        end: ArmedEnd,
        (denies, is_back): (Option<Timestamp>, bool),
        now: Timestamp,
    ) -> ArmedEnd {
        let memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = denies.is_some_and(|since| end.is_denied_unasked(since, now))
            && !memory.hurried.contains(&end.key);
        let is_due = is_new || is_back && end.armed_until().is_some();
        let due = if is_due { end.due.min(now) } else { end.due };
        ArmedEnd { due, ..end }
    }

    /// These were looked at.
    pub(super) fn looked_at(&self, keys: Vec<HoldKey>) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.hurried.extend(keys);
    }
}
