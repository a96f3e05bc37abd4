//! Connections for listings: few, lent one at a time, awaited without blocking a thread.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use crate::database::{Connection, DatabaseError, Transaction, TransactionMode};
use crate::fault::StorageFault;

#[derive(Clone, Debug)]
pub(super) enum ListingPool {
    /// A database in memory has one connection.
    Shared(Arc<Mutex<Connection>>),
    Own(Arc<Idle>),
}

#[derive(Debug)]
pub(super) struct Idle {
    permits: Arc<Semaphore>,
    connections: Mutex<Vec<Connection>>,
}

/// A connection that is returned on drop, also after a panic.
struct Lent {
    idle: Arc<Idle>,
    connection: Option<Connection>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.idle.all().extend(self.connection.take());
    }
}

impl Idle {
    fn all(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl ListingPool {
    pub(super) fn shared(connection: Arc<Mutex<Connection>>) -> Self {
        Self::Shared(connection)
    }

    pub(super) fn own(connections: Vec<Connection>) -> Self {
        Self::Own(Arc::new(Idle {
            permits: Arc::new(Semaphore::new(connections.len())),
            connections: Mutex::new(connections),
        }))
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StorageFault> + Send + 'static,
    ) -> Result<T, StorageFault> {
        let idle = match self {
            Self::Shared(connection) => {
                return super::run(connection, TransactionMode::Read, work).await;
            }
            Self::Own(idle) => Arc::clone(idle),
        };
        let closed = |error| StorageFault::Unavailable(format!("interrupted: {error}"));
        let permit = Arc::clone(&idle.permits).acquire_owned().await;
        let permit = permit.map_err(|error| closed(error.to_string()))?;
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let connection = idle.all().pop();
            let mut lent = Lent { idle, connection };
            let Some(connection) = &mut lent.connection else {
                // INVARIANT: there are as many permits as connections
                return Err(StorageFault::Unavailable(
                    "no connection is left".to_owned(),
                ));
            };
            let snapshot = connection.begin(TransactionMode::Read)?;
            work(&snapshot)
        });
        done.await
            .unwrap_or_else(|error| Err(closed(error.to_string())))
    }

    pub(super) fn count_steps(&self) -> Result<Arc<AtomicU64>, DatabaseError> {
        let steps = Arc::new(AtomicU64::new(0));
        let count = |connection: &mut Connection| connection.count_steps(Arc::clone(&steps));
        match self {
            Self::Shared(connection) => {
                count(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))?;
            }
            Self::Own(idle) => {
                for connection in idle.all().iter_mut() {
                    count(connection)?;
                }
            }
        }
        Ok(steps)
    }
}
