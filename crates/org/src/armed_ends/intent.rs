//! What is about to be put in force is stored before it is written: whoever writes may die before it is seen, AWS may not
//! answer, and the end may move meanwhile. Until somebody has looked, the earliest instant that may be in force counts.

use hallpass_base::{HoldKey, Timestamp};

use super::armer::EndArmer;
use super::leaving::Left;
use super::{ArmedEnd, ArmedEndChange, SettledEnds, UnseenWrite};

impl EndArmer {
    /// Stores what is about to be put in force.
    pub(super) async fn intend(
        &self,
        ends: &mut [ArmedEnd],
        begun: &[(HoldKey, Timestamp)],
    ) -> Result<(), Left> {
        let mut change = ArmedEndChange::default();
        for (key, from) in begun {
            for end in ends.iter_mut().filter(|end| end.key == *key) {
                let is_told = false;
                end.unseen = Some(UnseenWrite {
                    from: *from,
                    is_told,
                });
                change.ends.push(end.clone());
                // as it will be stored
                end.version += 1;
            }
        }
        if change.ends.is_empty() {
            return Ok(());
        }
        match self.ends.settle_armed_ends(change).await {
            Ok(SettledEnds::Stored) => Ok(()),
            Ok(SettledEnds::Moved) => Err(Left::Moved),
            Err(fault) => Err(Left::NotStored(fault)),
        }
    }
}
