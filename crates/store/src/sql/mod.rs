//! Statements shared by SQLite and PostgreSQL: one writer at a time, with concurrent readers.
//!
//! Calls run on blocking threads. A write is one transaction, exclusive among writers; if the
//! process stops inside it, nothing is stored.
//!
//! Listings and searches have a few separate connections, so that reads of grants and ends never
//! queue behind them.

mod absences;
mod access;
mod alarms;
mod alert_states;
mod armed_ends;
mod assignment_rows;
mod assignments;
mod audit;
mod campaigns;
mod commit;
mod copying;
mod ends;
mod events;
mod finding;
mod grants;
mod group_sync;
mod handovers;
mod inspect;
mod keyed_table;
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
use hallpass_base::Clock;

use crate::database::{Connection, DatabaseError, PATIENCE, Server, Transaction, TransactionMode};
use crate::fault::StorageFault;
use crate::lead::Term;
use leader::TermClock;
use listing::Bounds;
use listing_pool::ListingPool;
use reserve::{Reserve, Space};
use seen_log::{Heeding, Seen};

/// Server-side timeout of statements that take minutes.
const APART_MAX: Duration = Duration::from_mins(10);
#[derive(Clone, Debug)]
enum Source {
    File(PathBuf),
    Postgres(Arc<Server>),
    Memory(TermClock),
}

impl Source {
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

    fn reading(&self) -> Result<Connection, DatabaseError> {
        match self {
            Self::File(path) => Connection::open_reading(path),
            Self::Postgres(server) => Connection::connect(server, PATIENCE),
            Self::Memory(_) => Connection::open_in_memory(),
        }
    }

    fn term_clock(&self) -> TermClock {
        match self {
            Self::File(_) => TermClock::OneProcess,
            Self::Postgres(_) => TermClock::Server,
            Self::Memory(clock) => clock.clone(),
        }
    }
}

/// Checks of a write beyond the lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heeds {
    /// The seen log must be complete; pure ends continue anyway.
    Log,
    LogAlways,
    Nothing,
}

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
    /// The term of every write; `None` for servers.
    term: Option<Arc<Term>>,
    /// The seen log, where the database may lose parts.
    heeding: Option<Heeding>,
    /// Disk space reserved for ending access; `None` for commands.
    reserve: Option<Arc<Reserve>>,
}

impl SqlStore {
    /// Opens a database that lives as long as the store's last clone.
    ///
    /// # Errors
    /// When SQLite cannot make one.
    pub fn open_in_memory() -> Result<Self, OpenError> {
        Self::open_memory(TermClock::OneProcess)
    }

    /// Opens one shared by several nodes of a process, each with a clone, whose terms use `clock`.
    /// Calls run on the calling thread, so that results are deterministic.
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

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the server's error since the last write: a full disk, a foreign lock, refused
    /// sessions.
    pub fn complaint(&self) -> Option<String> {
        match &self.source {
            Source::Postgres(server) => server.complaint(),
            Source::File(_) | Source::Memory(_) => None,
        }
    }

    /// Runs `work` in a transaction that commits only on success, and for leader work only while
    /// leading.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StorageFault> + Send + 'static,
    ) -> Result<T, StorageFault> {
        self.write_if(self.heeds(), work).await
    }

    async fn write_for_ends<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StorageFault> + Send + 'static,
    ) -> Result<T, StorageFault> {
        self.write_as((self.heeds(), Space::Ends), work).await
    }

    fn heeds(&self) -> Heeds {
        let acts = self.heeding.as_ref().is_some_and(|it| it.acts);
        if acts || self.term.is_some() {
            Heeds::Log
        } else {
            Heeds::Nothing
        }
    }

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
        // the current term: work begun in one term is never written in another
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

    /// Runs short `work` on one snapshot: reads of grants and ends.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StorageFault> + Send + 'static,
    ) -> Result<T, StorageFault> {
        self.run(&self.reader, TransactionMode::Read, work).await
    }

    async fn list<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StorageFault> + Send + 'static,
    ) -> Result<T, StorageFault> {
        if self.runs_at_once() {
            return at_once(&self.reader, TransactionMode::Read, work, |_| {});
        }
        self.listings.read(work).await
    }

    /// Runs `work` of minutes on one snapshot of a separate connection, or queued with listings if
    /// none can be opened.
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
            // no descriptor is free, or the file was moved: other connections have it open
            Ok(Err(_)) | Err(_) => self.list(work).await,
        }
    }

    #[must_use]
    pub fn looking_at(mut self, most: usize) -> Self {
        self.bounds = Bounds {
            entries: most,
            records: most,
        };
        self
    }

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

/// Runs `work` in a transaction on the calling thread, and passes the result to `then`. Blocks.
fn at_once<T>(
    connection: &Mutex<Connection>,
    mode: TransactionMode,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, StorageFault>,
    then: impl FnOnce(&T),
) -> Result<T, StorageFault> {
    let asked = Instant::now();
    // a panic elsewhere dropped its transaction with all its writes
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

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn stored_id<I: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<I, StorageFault> {
    text.parse()
        .map_err(|error| StorageFault::Unavailable(format!("stored id `{text}`: {error}")))
}

fn counter(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
