//! What somebody else gives people: ends that AWS enforces, and that would refuse it too, are looked at again at once.

use super::{Access, AccessError};
use crate::{ArmedEndWish, Change, GivenOtherwise, ShownBy};

impl Access {
    /// Notes that people may soon have in another way what they hold: their ends that AWS enforces are looked at again,
    /// for a while, by whoever arms them. May be repeated.
    ///
    /// # Errors
    /// When it cannot be stored: it is to be told again.
    pub async fn note_given(&self, given: GivenOtherwise) -> Result<(), AccessError> {
        if given.is_empty() {
            return Ok(());
        }
        // CRASH: from here on it is stored with the ends that it is about, and whoever leads next looks at them
        let change = Change {
            armed_ends: vec![ArmedEndWish::LookAgain {
                at: self.now(),
                given: Box::new(given),
                shown: ShownBy::Soon,
            }],
            ..Change::default()
        };
        self.store_change(change).await?;
        Ok(())
    }
}
