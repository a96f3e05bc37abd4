//! Handles accounts not reached in a round.

use hallpass_base::Timestamp;
use hallpass_plans::StoreFault;

use super::armer::{EndArmer, EndArmerReport};
use super::ledger::Ledger;
use super::{ArmedEnd, ArmedEndState, SettledEnds};

const UNREACHED: &str = "other accounts were before it, and AWS was slow to answer";

fn is_overdue(end: &ArmedEnd, now: Timestamp) -> bool {
    matches!(end.state, ArmedEndState::Wanted) && end.due <= now && end.arm_by <= now
}

impl EndArmer {
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
