//! Which accounts a round tends, in which order, and what becomes of those that it does not reach. A call of AWS takes its time,
//! and every account takes several: whoever is in a hurry is not kept waiting for all the others.

use std::collections::BTreeMap;

use hallpass_model::{TimeSpan, Timestamp};
use hallpass_runner::StoreFault;

use super::armer::{EndArmer, EndArmerReport};
use super::ledger::Ledger;
use super::wanted::is_urgent;
use super::{ArmedEnd, ArmedEndState, SettledEnds};

/// A round begins no other account after this: the next one reads anew what is in a hurry.
pub(super) const ROUND_MAX: TimeSpan = TimeSpan::seconds(5);
/// What is told of ends whose account no round has reached in time.
const UNREACHED: &str = "other accounts were before it, and AWS was slow to answer";

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

/// Whether somebody waits for it longer than was said.
fn is_overdue(end: &ArmedEnd, now: Timestamp) -> bool {
    matches!(end.state, ArmedEndState::Wanted) && end.due <= now && end.arm_by <= now
}

impl EndArmer {
    /// Whoever waited for an end of these accounts as long as was said is told that it is not armed.
    pub(super) async fn tell_unreached(
        &self,
        accounts: impl Iterator<Item = (String, Vec<ArmedEnd>)> + Send,
        report: &mut EndArmerReport,
    ) -> Result<(), StoreFault> {
        let now = self.keeper.clock.now();
        for (account, mut ends) in accounts {
            ends.retain(|end| is_overdue(end, now));
            if ends.is_empty() {
                continue;
            }
            let mut ledger = Ledger::new(now, self.keeper.ids.as_ref(), &account);
            ledger.postpone(ends, UNREACHED, None);
            let told = ledger.finish();
            match self.ends.settle_armed_ends(told.change).await? {
                SettledEnds::Stored => report.not_armed += told.not_armed,
                SettledEnds::Moved => {}
            }
        }
        Ok(())
    }
}
