//! Checks affected enforced ends again when access is given outside Hallpass.

use super::{Access, AccessError};
use crate::{ArmedEndRequest, Change, ExternalAccess, ShownBy};

impl Access {
    /// Records that users may soon hold the same access from elsewhere: their enforced ends are
    /// checked again for a while. May be repeated.
    ///
    /// # Errors
    /// If it cannot be stored; the caller must report it again.
    pub async fn note_given(&self, given: ExternalAccess) -> Result<(), AccessError> {
        if given.is_empty() {
            return Ok(());
        }
        // CRASH: stored with the affected ends from here on; the next leader checks them.
        let change = Change {
            armed_ends: vec![ArmedEndRequest::LookAgain {
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
