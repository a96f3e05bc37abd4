//! Leases that nobody works under: the store did not say whether it gave them, or whether what was learned under them
//! is recorded. They are freed once the store answers, for a row that waits until its lease runs out may end late.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Executor;
use crate::{Lease, StoreFault};

/// The tokens of such leases.
#[derive(Default)]
pub(super) struct Orphans(Mutex<Vec<String>>);

impl Orphans {
    fn tokens(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a lease when `result` leaves open what became of it. A fenced one is somebody else's by now.
    pub(super) fn note<T>(
        &self,
        lease: &Lease,
        result: Result<T, StoreFault>,
    ) -> Result<T, StoreFault> {
        if let Err(StoreFault::Unavailable(_)) = &result {
            self.tokens().push(lease.token.clone());
        }
        result
    }
}

impl Executor {
    /// Frees them.
    pub(super) async fn free_orphans(&self) -> Result<(), StoreFault> {
        loop {
            let Some(token) = self.orphans.tokens().first().cloned() else {
                return Ok(());
            };
            self.store.free(&token).await?;
            self.orphans.tokens().retain(|it| *it != token);
        }
    }
}
