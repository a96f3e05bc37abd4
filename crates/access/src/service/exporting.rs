//! No new access while nobody but this server could tell of it (`access.md` V-4): an option, for
//! those who would rather wait than have access that only the store knows of.

use super::Access;
use crate::{Change, PressRefused, ReadError};

impl Access {
    /// Refuses a change that gives access, or more of it, while records wait for the export longer
    /// than the settings allow. What ends access is never held up.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn judge_export(
        &self,
        change: Change,
    ) -> Result<Result<Change, PressRefused>, ReadError> {
        let Some(allowed) = self.settings.require_export_within else {
            return Ok(Ok(change));
        };
        if !change.gives_access() {
            return Ok(Ok(change));
        }
        let waiting = self.ports.store.oldest_unexported().await?;
        Ok(match waiting {
            Some(since) if allowed.after(since) < self.now() => {
                Err(PressRefused::ExportBehind { since, allowed })
            }
            Some(_) | None => Ok(change),
        })
    }
}
