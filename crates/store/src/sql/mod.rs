//! The statements, the same for SQLite and PostgreSQL: one writer at a time, readers beside it.
//!
//! Calls run on blocking threads and never hold up the runtime. A write is one transaction, alone among
//! writers from its begin on; if the process stops inside it, nothing of it is there.
//!
//! What people list and search has connections of its own, of which there are few: however many of
//! them look at once, what grants and ends read is never behind them.

mod access;
mod alarms;
mod alert_states;
mod armed_ends;
mod assignment_rows;
mod assignments;
mod audit;
mod commit;
mod copying;
mod ends;
mod events;
mod finding;
mod glance;
mod grants;
mod group_sync;
mod handovers;
mod keyed;
mod leader;
mod listing;
mod listing_pool;
mod locks;
mod maintenance;
mod numbers;
mod open_error;
mod opening;
mod org;
mod outbox;
mod pci;
mod plans;
#[cfg(test)]
mod query_plans;
mod queue_columns;
mod quotas;
mod remediations;
mod requests;
mod reserve;
mod schema;
mod search;
mod seen_file;
mod seen_log;
mod session_revocation;
mod sessions;
mod standards_visits;
mod sweeps;
mod tokens;
mod unreadable;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use copying::{Copied, CopyError};
pub use ends::EndsReader;
pub use leader::Leadership;
pub use maintenance::{BackupError, Check};
pub use open_error::OpenError;
pub use seen_log::{LogLook, LogMemory, LostRecords, SeenHead};

use hallpass_audit::Head;
use hallpass_model::Clock;

use crate::database::{Connection, DatabaseError, PATIENCE, Server, Transaction, TransactionMode};
use crate::fault::StorageFault;
use crate::lead::Term;
use leader::TermClock;
use listing::Bounds;
use listing_pool::ListingPool;
use reserve::{Reserve, Space};
use seen_log::{Heeding, Seen};

/// How long a statement of what takes minutes may take, on a server.
const APART_MAX: Duration = Duration::from_mins(10);
/// Where another connection is had from.
#[derive(Clone, Debug)]
enum Source {
    File(PathBuf),
    Postgres(Arc<Server>),
    /// There is one connection.
    Memory(TermClock),
}

impl Source {
    /// What it means that it cannot be used.
    fn unusable(&self, store: &str) -> impl Fn(DatabaseError) -> OpenError + use<> {
        let (store, is_server) = (store.to_owned(), matches!(self, Self::Postgres(_)));
        move |source| {
            let store = store.clone();
            if source.is_of_shared_session() {
                OpenError::Pooled { store, source }
            } else if is_server {
                OpenError::Unreachable { store, source }
            } else {
                OpenError::Unusable { store, source }
            }
        }
    }

    /// A connection for reading. Blocks.
    fn reading(&self) -> Result<Connection, DatabaseError> {
        match self {
            Self::File(path) => Connection::open_reading(path),
            Self::Postgres(server) => Connection::connect(server, PATIENCE),
            Self::Memory(_) => Connection::open_in_memory(),
        }
    }

    /// By which clock somebody leads.
    fn term_clock(&self) -> TermClock {
        match self {
            Self::File(_) => TermClock::OneProcess,
            Self::Postgres(_) => TermClock::Server,
            Self::Memory(clock) => clock.clone(),
        }
    }
}

/// What a write looks at first, beside the lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heeds {
    /// That nothing is missing of what was seen of the log; whoever only ends access goes on.
    Log,
    /// The same, whoever writes.
    LogAlways,
    Nothing,
}

/// The store over a database, of SQLite or PostgreSQL.
#[derive(Clone, Debug)]
pub struct SqlStore {
    name: String,
    source: Source,
    writer: Arc<Mutex<Connection>>,
    /// For short reads, so that they do not wait for commits; the writer itself in memory.
    reader: Arc<Mutex<Connection>>,
    /// For listings, so that short reads do not wait for them.
    listings: ListingPool,
    bounds: Bounds,
    /// The term that every write is for; none for those who serve.
    term: Option<Arc<Term>>,
    /// What was seen of the log, where the database may come to lack it.
    heeding: Option<Heeding>,
    /// Space on the disk for the end of access; none where a command has the store.
    reserve: Option<Arc<Reserve>>,
}

impl SqlStore {
    /// A database that is gone with the last clone of the store.
    ///
    /// # Errors
    /// When SQLite cannot make one.
    pub fn open_in_memory() -> Result<Self, OpenError> {
        Self::open_memory(TermClock::OneProcess)
    }

    /// The same, shared by several nodes of one process, each with a clone, which lead by `clock`: that is the
    /// database's. Calls run where they are made, so that the same calls in the same order have the same answers.
    ///
    /// # Errors
    /// When SQLite cannot make one.
    pub fn open_shared_in_memory(clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        Self::open_memory(TermClock::Given(clock))
    }

    fn open_memory(clock: TermClock) -> Result<Self, OpenError> {
        let (source, name) = (Source::Memory(clock), ":memory:".to_owned());
        let unusable = source.unusable(&name);
        let mut connection = Connection::open_in_memory().map_err(&unusable)?;
        schema::lay_out(&mut connection, &name, &unusable)?;
        let connection = Arc::new(Mutex::new(connection));
        Ok(Self {
            name,
            source,
            writer: Arc::clone(&connection),
            reader: Arc::clone(&connection),
            listings: ListingPool::shared(connection),
            bounds: Bounds::default(),
            term: None,
            heeding: None,
            reserve: None,
        })
    }

    /// Where it is, for people: without secrets.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the database server complained of, where nothing was written since: a full disk, a lock that
    /// others have, sessions that it does not give.
    pub fn complaint(&self) -> Option<String> {
        match &self.source {
            Source::Postgres(server) => server.complaint(),
            Source::File(_) | Source::Memory(_) => None,
        }
    }

    /// Runs `work` in one transaction that is kept only when `work` succeeds, and for those who work
    /// only while this process leads.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StorageFault> + Send + 'static,
    ) -> Result<T, StorageFault> {
        self.write_if(self.heeds(), work).await
    }

    /// The same for what ends access, also where the disk is full for callers.
    async fn write_for_ends<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StorageFault> + Send + 'static,
    ) -> Result<T, StorageFault> {
        self.write_as((self.heeds(), Space::Ends), work).await
    }

    /// What every write of this store looks at.
    fn heeds(&self) -> Heeds {
        let acts = self.heeding.as_ref().is_some_and(|it| it.acts);
        if acts || self.term.is_some() {
            Heeds::Log
        } else {
            Heeds::Nothing
        }
    }

    /// The same, and only while the database has what was seen of its log, if `heeds` says so.
    async fn write_if<T: Send + 'static>(
        &self,
        heeds: Heeds,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StorageFault> + Send + 'static,
    ) -> Result<T, StorageFault> {
        self.write_as((heeds, Space::Callers), work).await
    }

    async fn write_as<T: Send + 'static>(
        &self,
        (heeds, space): (Heeds, Space),
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StorageFault> + Send + 'static,
    ) -> Result<T, StorageFault> {
        // of now: what was begun in one term is never written in another
        let term = match &self.term {
            Some(term) => Some((Arc::clone(term), term.epoch().ok_or_else(leader::over)?)),
            None => None,
        };
        let clock = self.source.term_clock();
        let heeding = self.heeding.clone();
        let memory = heeding.as_ref().map(|it| Arc::clone(&it.memory));
        let reserve = self.reserve.clone();
        let fenced = move |tx: &Transaction<'_>| {
            if let Some(reserve) = reserve {
                reserve.admit(space)?;
            }
            if let Some((term, epoch)) = term {
                leader::ensure(tx, &clock, (&term, epoch))?;
            }
            let seen = heeding.map(|it| it.ensure(tx, heeds)).transpose()?;
            let value = work(tx)?;
            let head = match seen {
                Some(Seen::Noted) => audit::head(tx)?,
                Some(Seen::Ignored) | None => None,
            };
            Ok((value, head))
        };
        let noted = move |written: &(T, Option<Head>)| {
            if let (Some(memory), (_, Some(head))) = (memory, written) {
                memory.note(head.clone().into());
            }
        };
        if self.runs_at_once() {
            return Ok(at_once(&self.writer, TransactionMode::Write, fenced, noted)?.0);
        }
        let written = run_then(&self.writer, TransactionMode::Write, fenced, noted).await;
        if let (Err(StorageFault::Full(_)), Some(reserve)) = (&written, &self.reserve) {
            reserve.release();
        }
        Ok(written?.0)
    }

    async fn run<T: Send + 'static>(
        &self,
        connection: &Arc<Mutex<Connection>>,
        mode: TransactionMode,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StorageFault> + Send + 'static,
    ) -> Result<T, StorageFault> {
        if self.runs_at_once() {
            return at_once(connection, mode, work, |_| {});
        }
        run(connection, mode, work).await
    }

    fn runs_at_once(&self) -> bool {
        matches!(self.source, Source::Memory(TermClock::Given(_)))
    }

    /// Runs `work` on one snapshot. For what is short: grants and ends read so.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StorageFault> + Send + 'static,
    ) -> Result<T, StorageFault> {
        self.run(&self.reader, TransactionMode::Read, work).await
    }

    /// Runs `work` on one snapshot, after those who came before. For what may take a while.
    async fn list<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StorageFault> + Send + 'static,
    ) -> Result<T, StorageFault> {
        if self.runs_at_once() {
            return at_once(&self.reader, TransactionMode::Read, work, |_| {});
        }
        self.listings.read(work).await
    }

    /// Runs `work` on one snapshot over a connection of its own, or when it is its turn among listings
    /// where none can be opened. For what takes minutes.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StorageFault> + Send + 'static,
    ) -> Result<T, StorageFault> {
        if matches!(self.listings, ListingPool::Shared(_)) {
            return self.read(work).await;
        }
        let source = self.source.clone();
        match tokio::task::spawn_blocking(move || source.reading()).await {
            Ok(Ok(mut connection)) => {
                connection.be_patient_for(APART_MAX);
                let connection = Arc::new(Mutex::new(connection));
                run(&connection, TransactionMode::Read, work).await
            }
            // no descriptor is left, or the file was moved away: the others have it open
            Ok(Err(_)) | Err(_) => self.list(work).await,
        }
    }

    /// The same, but one call reads so many entries of indexes and records at most.
    #[must_use]
    pub fn looking_at(mut self, most: usize) -> Self {
        self.bounds = Bounds {
            entries: most,
            records: most,
        };
        self
    }

    /// Counts what listings do from now on: steps of SQLite's machine, in hundreds.
    ///
    /// # Errors
    /// When SQLite does not take the counter.
    pub fn count_steps(
        &self,
    ) -> Result<Arc<std::sync::atomic::AtomicU64>, hallpass_access::ReadError> {
        let counted = self.listings.count_steps();
        counted.map_err(|error| hallpass_access::ReadError(error.to_string()))
    }
}

async fn run<T: Send + 'static>(
    connection: &Arc<Mutex<Connection>>,
    mode: TransactionMode,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, StorageFault> + Send + 'static,
) -> Result<T, StorageFault> {
    run_then(connection, mode, work, |_| {}).await
}

/// The same; what is kept is told to `then`, also where nobody waits for it any more.
async fn run_then<T: Send + 'static>(
    connection: &Arc<Mutex<Connection>>,
    mode: TransactionMode,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, StorageFault> + Send + 'static,
    then: impl FnOnce(&T) + Send + 'static,
) -> Result<T, StorageFault> {
    let connection = Arc::clone(connection);
    let done = tokio::task::spawn_blocking(move || at_once(&connection, mode, work, then));
    done.await
        .unwrap_or_else(|error| Err(StorageFault::Unavailable(format!("interrupted: {error}"))))
}

/// Runs `work` in a transaction on the thread that calls, and tells `then` what is kept. Blocks.
fn at_once<T>(
    connection: &Mutex<Connection>,
    mode: TransactionMode,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, StorageFault>,
    then: impl FnOnce(&T),
) -> Result<T, StorageFault> {
    let asked = Instant::now();
    // a panic elsewhere dropped its transaction, and with it whatever it had written
    let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
    let transaction = connection.begin_in_line(mode, asked)?;
    let value = work(&transaction)?;
    // CRASH: before this line nothing of it is there, after it all of it is
    transaction.commit()?;
    then(&value);
    Ok(value)
}

impl From<DatabaseError> for StorageFault {
    fn from(error: DatabaseError) -> Self {
        if error.is_full() {
            Self::Full(error.to_string())
        } else {
            Self::Unavailable(error.to_string())
        }
    }
}

/// `?1, ?2, …`
fn places(first: usize, count: usize) -> String {
    let places: Vec<String> = (first..first + count).map(|at| format!("?{at}")).collect();
    places.join(", ")
}

/// A counter as SQLite keeps it. Ours never come near the limit.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// An id as it is stored.
fn stored_id<I: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<I, StorageFault> {
    text.parse()
        .map_err(|error| StorageFault::Unavailable(format!("stored id `{text}`: {error}")))
}

/// A counter as it was kept; the schema keeps out negative ones.
fn counter(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
