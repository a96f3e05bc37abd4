//! Optionally blocks new access while audit records exist only in the store (`access.md` V-4).

use super::Access;
use crate::step::PressStep;
use crate::{ActionRefused, ReadError};

impl Access {
    /// Refuses more access while records wait for export longer than allowed. Never delays ends of
    /// access.
    ///
    /// # Errors
    /// If the store does not answer.
    pub(super) async fn ensure_exported(&self) -> Result<Result<(), ActionRefused>, ReadError> {
        let behind = self.export_behind().await?;
        Ok(behind.map_or(Ok(()), Err))
    }

    pub(super) async fn ensure_exported_for(
        &self,
        step: &PressStep,
    ) -> Result<Result<(), ActionRefused>, ReadError> {
        match step {
            PressStep::Changed(_) => Ok(Ok(())),
            PressStep::Approved(_) => self.ensure_exported().await,
        }
    }

    pub(super) async fn export_behind(&self) -> Result<Option<ActionRefused>, ReadError> {
        let Some(allowed) = self.settings.require_export_within else {
            return Ok(None);
        };
        let waiting = self.ports.store.oldest_unexported().await?;
        Ok(waiting
            .filter(|since| allowed.after(*since) < self.now())
            .map(|since| ActionRefused::ExportBehind { since, allowed }))
    }
}
