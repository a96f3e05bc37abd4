//! Stores an intent before each write: the writer may stop before it is confirmed, AWS may not
//! respond, and the end may move. Until a check, the earliest possible instant counts.

use hallpass_base::{HoldKey, Timestamp};

use super::armer::EndArmer;
use super::leaving::Left;
use super::{ArmedEnd, ArmedEndChange, SettledEnds, UnseenWrite};

impl EndArmer {
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
