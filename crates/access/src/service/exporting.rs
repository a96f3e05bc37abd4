//! No new access while nobody but this server could tell of it (`access.md` V-4): an option, for
//! those who would rather wait than have access that only the store knows of.

use super::Access;
use crate::step::PressStep;
use crate::{PressRefused, ReadError};

impl Access {
    /// Refuses to give access, or more of it, while records wait for the export longer than the
    /// settings allow. What ends access is never held up.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn ensure_exported(&self) -> Result<Result<(), PressRefused>, ReadError> {
        let behind = self.export_behind().await?;
        Ok(behind.map_or(Ok(()), Err))
    }

    /// The same for a press: refused if it gives access.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn ensure_exported_for(
        &self,
        step: &PressStep,
    ) -> Result<Result<(), PressRefused>, ReadError> {
        match step {
            PressStep::Changed(_) => Ok(Ok(())),
            PressStep::Approved(_) => self.ensure_exported().await,
        }
    }

    /// Why nothing that gives access would be stored now, because of the export.
    pub(super) async fn export_behind(&self) -> Result<Option<PressRefused>, ReadError> {
        let Some(allowed) = self.settings.require_export_within else {
            return Ok(None);
        };
        let waiting = self.ports.store.oldest_unexported().await?;
        Ok(waiting
            .filter(|since| allowed.after(*since) < self.now())
            .map(|since| PressRefused::ExportBehind { since, allowed }))
    }
}
