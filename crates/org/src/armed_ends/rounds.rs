//! In which order a round tends accounts, and for how long. A call of AWS takes its time, and every account takes several:
//! whoever is in a hurry is not kept waiting for all the others. Pure.

use std::collections::BTreeMap;

use hallpass_model::{TimeSpan, Timestamp};

use super::ArmedEnd;
use super::wanted::is_urgent;

/// A round begins no other account after this: the next one reads anew what is in a hurry.
pub(super) const ROUND_MAX: TimeSpan = TimeSpan::seconds(5);
/// Whether AWS said anything of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Something,
    /// The next account would only be waited for, too.
    Nothing,
}

/// The accounts, those first that have an end in a hurry, and then by how long an end of theirs has been due: no account is
/// left for good.
pub(super) fn urgent_first(
    accounts: BTreeMap<String, Vec<ArmedEnd>>,
    now: Timestamp,
) -> Vec<(String, Vec<ArmedEnd>)> {
    let is_due_and_urgent = |end: &ArmedEnd| end.due <= now && is_urgent(end, now);
    let mut turns: Vec<_> = accounts.into_iter().collect();
    // stable: those that have been due as long go by their numbers
    turns.sort_by_key(|(_, ends)| {
        let has_time = !ends.iter().any(is_due_and_urgent);
        (has_time, ends.iter().map(|end| end.due).min())
    });
    turns
}
