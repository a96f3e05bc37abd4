//! Leadership: the leader row, and the fence around leader work.
//!
//! Only holders of the writers' lock change the row and raise its epoch: a transaction that found
//! its epoch under that lock ends before another node can lead. A node extends its term without the
//! lock.
//!
//! Epochs do not fall, but a database that fails over to a replica without its last commits can
//! repeat one: every check of an epoch also checks the node. A node id is one process's, so that a
//! restart under the same name is another node.
//!
//! A file has one process, which locks it: its term has no end.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_access::ReadError;
use hallpass_base::Clock;

use super::reserve::Reserve;
use super::{Heeds, Source, SqlStore, at_once, number, run};
use crate::database::{Connection, Optional, Transaction, TransactionMode};
use crate::fault::StorageFault;
use crate::lead::{Claim, Leader, LeaderRow, NodeIdentity, Term};

/// Claims, renews and releases the lead. On a server it has a separate session, so that renewals
/// never queue behind writers.
#[derive(Clone, Debug)]
pub struct Leadership {
    connection: Arc<Mutex<Connection>>,
    clock: TermClock,
    reserve: Option<Arc<Reserve>>,
}

/// Server time in milliseconds: not the transaction's start time.
const SERVER_NOW: &str = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";

/// Clock of a store's terms.
#[derive(Clone)]
pub(super) enum TermClock {
    /// One process has the store: its term has no end.
    OneProcess,
    Server,
    /// Clock of a memory store shared by several nodes of one process.
    Given(Arc<dyn Clock>),
}

impl TermClock {
    fn now(&self) -> Option<String> {
        match self {
            Self::OneProcess => None,
            Self::Server => Some(SERVER_NOW.to_owned()),
            Self::Given(clock) => Some(clock.now().as_millisecond().to_string()),
        }
    }
}

impl fmt::Debug for TermClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OneProcess => "OneProcess",
            Self::Server => "Server",
            Self::Given(_) => "Given",
        })
    }
}

/// Timeout of lead statements: a fraction of a term.
const PATIENCE: Duration = Duration::from_secs(2);

impl SqlStore {
    pub async fn leadership(&self) -> Result<Leadership, ReadError> {
        let source = self.source.clone();
        let connection = match source {
            Source::File(_) | Source::Memory(_) => Arc::clone(&self.writer),
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
            clock: self.source.term_clock(),
            reserve: self.reserve.clone(),
        })
    }

    /// Returns the store for leader work: each write checks, under the writers' lock, that the
    /// process still leads. Reads need no term.
    #[must_use]
    pub fn working(&self, term: &Arc<Term>) -> Self {
        Self {
            term: Some(Arc::clone(term)),
            ..self.clone()
        }
    }

    /// Checks that writes work, regardless of leadership. Queues like a writer and writes a
    /// changing number, so that the disk must store it.
    ///
    /// # Errors
    /// The obstacle.
    pub async fn can_write(&self) -> Result<(), ReadError> {
        let unfenced = Self {
            term: None,
            ..self.clone()
        };
        let written = unfenced.write_if(Heeds::Nothing, |tx| {
            tx.prepare(
                "INSERT INTO counters (name, value) VALUES ('write_probe', 0)
                 ON CONFLICT (name) DO UPDATE SET value = 1 - counters.value",
            )?
            .execute(())?;
            Ok(())
        });
        Ok(written.await?)
    }
}

#[async_trait]
impl LeaderRow for Leadership {
    fn is_shared(&self) -> bool {
        !matches!(self.clock, TermClock::OneProcess)
    }

    async fn look(&self) -> Result<Option<Leader>, ReadError> {
        let clock = self.clock.clone();
        self.run(TransactionMode::Read, move |tx| read(tx, &clock))
            .await
    }

    async fn claim(&self, node: &NodeIdentity, span: Duration) -> Result<Claim, ReadError> {
        let (node, clock) = (node.clone(), self.clock.clone());
        self.run(TransactionMode::Write, move |tx| {
            claim(tx, &clock, &node, span)
        })
        .await
    }

    async fn renew(
        &self,
        node: &NodeIdentity,
        epoch: u64,
        span: Duration,
    ) -> Result<bool, ReadError> {
        let (clock, node) = (self.clock.clone(), node.id.clone());
        self.run(TransactionMode::Row, move |tx| {
            let Some(now) = clock.now() else {
                return Ok(read(tx, &clock)?.is_some_and(|leader| leader.is_of(&node, epoch)));
            };
            let changed = tx
                .prepare(&format!(
                    "UPDATE leader SET until = {now} + ?3
                     WHERE epoch = ?1 AND node = ?2 AND until > {now}"
                ))?
                .execute((number(epoch), node, milliseconds(span)))?;
            Ok(changed == 1)
        })
        .await
    }

    async fn give_back(&self, node: &NodeIdentity, epoch: u64) -> Result<(), ReadError> {
        let node = node.id.clone();
        self.run(TransactionMode::Write, move |tx| {
            tx.prepare("UPDATE leader SET until = 0 WHERE epoch = ?1 AND node = ?2")?
                .execute((number(epoch), node))?;
            Ok(())
        })
        .await
    }
}

impl Leadership {
    async fn run<T: Send + 'static>(
        &self,
        mode: TransactionMode,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StorageFault> + Send + 'static,
    ) -> Result<T, ReadError> {
        let done = match &self.clock {
            TermClock::Given(_) => at_once(&self.connection, mode, work, |_| {}),
            TermClock::OneProcess => run(&self.connection, mode, work).await,
            TermClock::Server => on_its_own_thread(&self.connection, mode, work).await,
        };
        if let (Err(StorageFault::Full(_)), Some(reserve)) = (&done, &self.reserve) {
            reserve.release();
        }
        Ok(done?)
    }
}

/// Uses a separate thread: all runtime threads may wait for writes while the lead must be renewed.
async fn on_its_own_thread<T: Send + 'static>(
    connection: &Arc<Mutex<Connection>>,
    mode: TransactionMode,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, StorageFault> + Send + 'static,
) -> Result<T, StorageFault> {
    let connection = Arc::clone(connection);
    let (tell, told) = tokio::sync::oneshot::channel();
    let begun = std::thread::Builder::new()
        .name("lead".to_owned())
        .spawn(move || drop(tell.send(at_once(&connection, mode, work, |_| {}))));
    begun.map_err(|error| StorageFault::Unavailable(format!("no thread: {error}")))?;
    let told = told.await;
    told.unwrap_or_else(|error| Err(StorageFault::Unavailable(format!("interrupted: {error}"))))
}

pub(super) fn read(
    tx: &Transaction<'_>,
    clock: &TermClock,
) -> Result<Option<Leader>, StorageFault> {
    // constant text, so that it stays prepared
    let now = match clock {
        TermClock::Server => SERVER_NOW,
        TermClock::OneProcess | TermClock::Given(_) => "0",
    };
    let found = tx
        .prepare(&format!(
            "SELECT epoch, node, name, until, {now} FROM leader"
        ))?
        .query_row([], |row| {
            let (epoch, until): (i64, Option<i64>) = (row.get(0)?, row.get(3)?);
            let now = match clock {
                TermClock::OneProcess => None,
                TermClock::Server => Some(row.get(4)?),
                TermClock::Given(clock) => Some(clock.now().as_millisecond()),
            };
            let is_over = match now {
                // a file has no other process; a released lead stored 0
                None => until.is_some(),
                Some(now) => is_past(until, now),
            };
            let left = until.zip(now).map(|(until, now)| until.saturating_sub(now));
            Ok(Leader {
                epoch: super::counter(epoch),
                node: NodeIdentity {
                    id: row.get(1)?,
                    name: row.get(2)?,
                },
                is_over,
                left: left.map(|left| Duration::from_millis(super::counter(left))),
            })
        });
    Ok(found.optional()?)
}

fn is_past(until: Option<i64>, now: i64) -> bool {
    until.is_none_or(|until| until <= now)
}

fn claim(
    tx: &Transaction<'_>,
    clock: &TermClock,
    node: &NodeIdentity,
    span: Duration,
) -> Result<Claim, StorageFault> {
    let before = read(tx, clock)?;
    let until = match (clock.now(), before) {
        // a file has one process
        (None, _) => "NULL".to_owned(),
        (Some(now), Some(leader)) if !leader.is_over && leader.node.id != node.id => {
            cut(tx, &now, &leader, span)?;
            return Ok(Claim::Taken(leader));
        }
        (Some(now), _) => format!("{now} + {}", milliseconds(span)),
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

/// Cuts a term longer than `span`: the database's clock was set back, and the leader may be dead. A
/// live leader renews as before.
fn cut(
    tx: &Transaction<'_>,
    now: &str,
    leader: &Leader,
    span: Duration,
) -> Result<(), StorageFault> {
    if leader.left.is_none_or(|left| left <= span) {
        return Ok(());
    }
    tracing::warn!(
        leader = leader.node.name,
        "the term of the node that leads ends later than any that begins now: the database's clock went back"
    );
    tx.prepare(&format!(
        "UPDATE leader SET until = {now} + ?3 WHERE epoch = ?1 AND node = ?2 AND until > {now} + ?3"
    ))?
    .execute((
        number(leader.epoch),
        leader.node.id.as_str(),
        milliseconds(span),
    ))?;
    Ok(())
}

/// Refuses a writer whose term is over. The caller holds the writers' lock: no other node can lead
/// before this transaction ends.
pub(super) fn ensure(
    tx: &Transaction<'_>,
    clock: &TermClock,
    (term, epoch): (&Term, u64),
) -> Result<(), StorageFault> {
    match read(tx, clock)? {
        Some(leader) if leader.is_of(&term.node().id, epoch) && !leader.is_over => Ok(()),
        Some(_) | None => Err(over()),
    }
}

pub(super) fn over() -> StorageFault {
    StorageFault::Unavailable("this node leads no more, and nothing was written".to_owned())
}

fn milliseconds(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
