//! Who works: the row that says so, and the fence around those who write because of it.
//!
//! The row is changed by whoever has the writers' lock, and only then does its epoch grow: a transaction
//! that found its epoch in the row, under the same lock, is over before another node can lead. A term
//! is made longer without the lock, by its own node alone.
//!
//! A file has one process, which holds it locked: its term has no end.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hallpass_access::ReadError;
use tokio::time::Instant;

use super::{Source, SqlStore, number, run};
use crate::database::{Connection, Engine, Optional, Transaction, TransactionMode};
use crate::fault::StorageFault;

/// A process that may lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeIdentity {
    /// Tells this process from every other, also from an earlier one of the same machine.
    pub id: String,
    /// What people call it.
    pub name: String,
}

/// Who leads, or led last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leader {
    /// Grows with every change of hands.
    pub epoch: u64,
    /// The node.
    pub node: NodeIdentity,
    /// Whether the term is over and nobody has come since.
    pub is_over: bool,
}

/// What came of asking for the lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is this node's, with this epoch.
    Given(u64),
    /// Another has it.
    Taken(Leader),
}

/// The term of this process, as far as it knows: shared by all that works, so that nothing is written or
/// sent for a term that is over.
#[derive(Debug, Default)]
pub struct Term(Mutex<Option<HeldTerm>>);

#[derive(Clone, Copy, Debug)]
struct HeldTerm {
    epoch: u64,
    /// By the monotonic clock; none where no other process can come.
    until: Option<Instant>,
}

impl Term {
    /// This process leads from now on.
    pub fn begin(&self, epoch: u64, until: Option<Instant>) {
        self.put(Some(HeldTerm { epoch, until }));
    }

    /// It leads no more.
    pub fn end(&self) {
        self.put(None);
    }

    /// Its epoch, while it leads: a term that is over by the monotonic clock is over.
    pub fn epoch(&self) -> Option<u64> {
        let held = self.held()?;
        let is_over = held.until.is_some_and(|until| until <= Instant::now());
        (!is_over).then_some(held.epoch)
    }

    /// When it is over by the monotonic clock, if it ever is.
    pub fn until(&self) -> Option<Instant> {
        self.held()?.until
    }

    /// Whether this process leads now.
    pub fn holds(&self) -> bool {
        self.epoch().is_some()
    }

    fn held(&self) -> Option<HeldTerm> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, held: Option<HeldTerm>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = held;
    }
}

/// Asks for the lead, keeps it and gives it back. On a server it has a session of its own, so that a
/// term is made longer however many wait to write.
#[derive(Clone, Debug)]
pub struct Leadership {
    connection: Arc<Mutex<Connection>>,
    is_shared: bool,
}

/// How long a statement about the lead may take: a fraction of a term.
const PATIENCE: Duration = Duration::from_secs(2);

impl SqlStore {
    /// What asks for the lead of this store.
    ///
    /// # Errors
    /// When the server gives no further session.
    pub async fn leadership(&self) -> Result<Leadership, ReadError> {
        let source = self.source.clone();
        let connection = match source {
            Source::File(_) | Source::Memory => Arc::clone(&self.writer),
            Source::Postgres(_) => {
                let opened = tokio::task::spawn_blocking(move || source.reading()).await;
                let opened = opened.map_err(|error| ReadError(error.to_string()))?;
                let mut opened = opened.map_err(|error| ReadError(error.to_string()))?;
                opened.be_patient_for(PATIENCE);
                Arc::new(Mutex::new(opened))
            }
        };
        Ok(Leadership {
            connection,
            is_shared: matches!(self.source, Source::Postgres(_)),
        })
    }

    /// The same store for what works because this process leads: each of its writes finds, under the
    /// writers' lock, that the process leads still, or does not happen. Reading needs no term.
    #[must_use]
    pub fn working(&self, term: &Arc<Term>) -> Self {
        Self {
            term: Some(Arc::clone(term)),
            ..self.clone()
        }
    }
}

impl Leadership {
    /// Whether other processes may lead too. A file has one.
    pub fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// Who leads; `None` before anybody did.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn look(&self) -> Result<Option<Leader>, ReadError> {
        Ok(run(&self.connection, TransactionMode::Read, read).await?)
    }

    /// Makes `node` the leader for `span`, if nobody is or the term before is over.
    ///
    /// # Errors
    /// When the store does not answer. Who leads is then known by the next [`look`](Self::look).
    pub async fn claim(&self, node: &NodeIdentity, span: Duration) -> Result<Claim, ReadError> {
        let node = node.clone();
        let claimed = run(&self.connection, TransactionMode::Write, move |tx| {
            claim(tx, &node, span)
        });
        Ok(claimed.await?)
    }

    /// Makes the term of `epoch` last for `span` from now on; `false` when it is over. Waits for no writer.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn renew(&self, epoch: u64, span: Duration) -> Result<bool, ReadError> {
        let renewed = run(&self.connection, TransactionMode::Row, move |tx| {
            if tx.engine() == Engine::Sqlite {
                return Ok(read(tx)?.is_some_and(|leader| leader.epoch == epoch));
            }
            let changed = tx
                .prepare(&format!(
                    "UPDATE leader SET until = {NOW} + ?2 WHERE epoch = ?1 AND until > {NOW}"
                ))?
                .execute((number(epoch), milliseconds(span)))?;
            Ok(changed == 1)
        });
        Ok(renewed.await?)
    }

    /// Gives the lead of `epoch` back, so that another has it at once. Nothing happens when it is over.
    ///
    /// # Errors
    /// When the store does not answer; the term then runs out by itself.
    pub async fn give_back(&self, epoch: u64) -> Result<(), ReadError> {
        let given = run(&self.connection, TransactionMode::Write, move |tx| {
            tx.prepare("UPDATE leader SET until = 0 WHERE epoch = ?1")?
                .execute([number(epoch)])?;
            Ok(())
        });
        Ok(given.await?)
    }
}

/// The clock of a server, in milliseconds: not that of the transaction's beginning.
const NOW: &str = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";

pub(super) fn read(tx: &Transaction<'_>) -> Result<Option<Leader>, StorageFault> {
    // a file has no other process that could come; one that gave its lead back has put 0
    let is_over = match tx.engine() {
        Engine::Sqlite => "until IS NOT NULL".to_owned(),
        Engine::Postgres => format!("until IS NULL OR until <= {NOW}"),
    };
    let found = tx
        .prepare(&format!(
            "SELECT epoch, node, name, CASE WHEN {is_over} THEN 1 ELSE 0 END FROM leader"
        ))?
        .query_row([], |row| {
            let (epoch, is_over): (i64, i64) = (row.get(0)?, row.get(3)?);
            Ok(Leader {
                epoch: super::counter(epoch),
                node: NodeIdentity {
                    id: row.get(1)?,
                    name: row.get(2)?,
                },
                is_over: is_over != 0,
            })
        });
    Ok(found.optional()?)
}

fn claim(tx: &Transaction<'_>, node: &NodeIdentity, span: Duration) -> Result<Claim, StorageFault> {
    let before = read(tx)?;
    let until = match (tx.engine(), before) {
        // whoever has the file has it alone
        (Engine::Sqlite, _) => "NULL".to_owned(),
        (Engine::Postgres, Some(leader)) if !leader.is_over && leader.node.id != node.id => {
            return Ok(Claim::Taken(leader));
        }
        (Engine::Postgres, _) => format!("{NOW} + {}", milliseconds(span)),
    };
    let epoch: i64 = tx
        .prepare(&format!(
            "INSERT INTO leader (key, epoch, node, name, until) VALUES ('leader', 1, ?1, ?2, {until})
             ON CONFLICT (key) DO UPDATE SET epoch = leader.epoch + 1, node = excluded.node,
                 name = excluded.name, until = excluded.until
             RETURNING epoch"
        ))?
        .query_row((node.id.as_str(), node.name.as_str()), |row| row.get(0))?;
    Ok(Claim::Given(super::counter(epoch)))
}

/// Refuses a writer whose term is over. The writers' lock is held: nobody else begins to lead before
/// this transaction ends.
pub(super) fn ensure(tx: &Transaction<'_>, epoch: u64) -> Result<(), StorageFault> {
    match read(tx)? {
        Some(leader) if leader.epoch == epoch && !leader.is_over => Ok(()),
        Some(_) | None => Err(over()),
    }
}

/// What a writer whose term is over is told.
pub(super) fn over() -> StorageFault {
    StorageFault::Unavailable("this node leads no more, and nothing was written".to_owned())
}

fn milliseconds(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
