//! Leases without a worker, freed once the store answers: waiting for their expiry may delay an
//! end.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Executor;
use crate::{Lease, StoreFault};

#[derive(Default)]
pub(super) struct Orphans(Mutex<Vec<String>>);

impl Orphans {
    fn tokens(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

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
