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
mod before;
mod commit;
mod copying;
mod ends;
mod events;
mod finding;
mod grants;
mod group_sync;
mod handovers;
mod leader;
mod listing;
mod listing_pool;
mod locks;
mod maintenance;
mod migrate;
mod numbers;
mod org;
mod outbox;
mod pci;
mod plans;
#[cfg(test)]
mod query_plans;
mod queue_columns;
mod relay;
mod remediations;
mod requests;
mod search;
mod seen_log;
mod session_revocation;
mod sessions;
mod standards_visits;
mod sweeps;
mod tokens;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use copying::{Copied, CopyError};
pub use ends::EndsReader;
pub use leader::Leadership;
pub use maintenance::{BackupError, Check};
pub use seen_log::{LogLook, LogMemory, LostRecords, SeenHead};

use hallpass_audit::Head;
use hallpass_model::Clock;
use hallpass_postgres::PostgresAddress;

use crate::database::{
    Connection, DatabaseError, Failure, PATIENCE, Server, Transaction, TransactionMode,
};
use crate::fault::StorageFault;
use crate::files::make_private_file;
use crate::lead::Term;
use leader::TermClock;
use listing::Bounds;
use listing_pool::ListingPool;
use seen_log::{Heeding, Seen};

/// Between two tries to open a file that somebody else is making at this moment.
const BUSY_PAUSE: Duration = Duration::from_millis(20);
/// How often it is tried again.
const BUSY_TRIES: u32 = 250;
/// How long a statement of what takes minutes may take, on a server.
const APART_MAX: Duration = Duration::from_mins(10);
/// The same of a migration, and how long another node's is waited for.
const MIGRATION_MAX: Duration = Duration::from_mins(10);
/// Connections for listings.
const LISTINGS: usize = 2;

/// A database that was not opened. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be read, made or locked.
    #[error("cannot open `{store}`")]
    Unusable {
        /// The file.
        store: String,
        /// What the database says.
        source: DatabaseError,
    },
    /// A server that has it does not answer, or does not let us in.
    #[error("cannot use the database `{store}`")]
    Unreachable {
        /// Where it is, without secrets.
        store: String,
        /// What the server says, or what became of the way there.
        source: DatabaseError,
    },
    /// A pooler on the way gives each transaction another session.
    #[error("the database `{store}` is behind a pooler that shares sessions")]
    Pooled {
        /// Where it is, without secrets.
        store: String,
        /// What the server says.
        source: DatabaseError,
    },
    /// The file has several names.
    #[error("`{store}` is one file with {names} names (hard links)")]
    Linked {
        /// The file.
        store: String,
        /// How many.
        names: u64,
    },
    /// A database, but none of ours.
    #[error("`{store}` is a database of another program")]
    Foreign {
        /// Where it is.
        store: String,
    },
    /// Written by a later release.
    #[error("`{store}` has schema version {found}, this release knows versions up to {known}")]
    Newer {
        /// Where it is.
        store: String,
        /// Its version.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// A migration in it is not the one of that number in this release.
    #[error("`{store}` was migrated with another form of migration {version} (`{name}`)")]
    Changed {
        /// Where it is.
        store: String,
        /// The migration's number.
        version: u32,
        /// Its name there.
        name: String,
    },
    /// A migration failed and was taken back.
    #[error("migration {version} (`{name}`) of `{store}` failed")]
    Migration {
        /// Where it is.
        store: String,
        /// The migration's number.
        version: u32,
        /// Its name.
        name: &'static str,
        /// What the database says.
        source: DatabaseError,
    },
}

impl OpenError {
    /// What to do about it.
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Unusable { .. } => {
                "check that the folder exists, that the file may be written, and that the disk has room"
            }
            Self::Unreachable { .. } => {
                "check that the server runs and that address, user and password are right (PGPASSWORD or .pgpass); `sslrootcert=FILE` in `store.url` names who signed its certificate"
            }
            Self::Pooled { .. } => {
                "set `pool_mode = session` for it, let PgBouncer 1.21 or later keep prepared statements (`max_prepared_statements`), or connect to the database itself"
            }
            Self::Linked { .. } => {
                "stop the server, and delete every name but the one it has had (`find -samefile` lists them): what is newest lies beside that one"
            }
            Self::Foreign { .. } => "name another file or database under `[store] url`",
            Self::Newer { .. } => {
                "run the release that wrote it or a later one, or restore a backup made before the upgrade"
            }
            Self::Changed { .. } => {
                "run the release that wrote it; if nobody changed the program, restore a backup"
            }
            Self::Migration { .. } => {
                "the database is as it was: keep it, run the release before, and report the error"
            }
        }
    }
}

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
    /// That nothing is missing of what was seen of the log.
    Log,
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
}

impl SqlStore {
    /// Opens or makes the database at `path` and brings its schema up to date. Blocks.
    ///
    /// # Errors
    /// When the file is unusable, of another program, of a later release, or was migrated
    /// otherwise than this release would have.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let mut tries = 0;
        loop {
            // SQLite's own patience does not cover the change of a new file to a write-ahead log,
            // which a process in the middle of the same change refuses at once
            match Self::open_at_once(path) {
                Err(OpenError::Unusable { source, .. })
                    if tries < BUSY_TRIES && source.is_busy() =>
                {
                    tries += 1;
                    std::thread::sleep(BUSY_PAUSE);
                }
                done => return done,
            }
        }
    }

    fn open_at_once(path: &Path) -> Result<Self, OpenError> {
        let (source, name) = (Source::File(path.to_owned()), path.display().to_string());
        make_private(path);
        refuse_linked(path)?;
        let writer = Connection::open(path).map_err(source.unusable(&name))?;
        Self::ready(source, writer, name)
    }

    /// Opens a database of PostgreSQL and brings its schema up to date.
    ///
    /// # Errors
    /// As [`SqlStore::open`].
    pub async fn open_postgres(address: PostgresAddress) -> Result<Self, OpenError> {
        let name = address.to_string();
        let done = tokio::task::spawn_blocking(move || {
            let (source, writer) = Self::session_of(&address)?;
            Self::ready(source, writer, address.to_string())
        });
        done.await
            .unwrap_or_else(|error| Err(interrupted(name, &error)))
    }

    fn session_of(address: &PostgresAddress) -> Result<(Source, Connection), OpenError> {
        let name = address.to_string();
        let server = Server::at(address.clone()).map_err(|source| OpenError::Unreachable {
            store: name.clone(),
            source,
        })?;
        let server = Arc::new(server);
        let source = Source::Postgres(Arc::clone(&server));
        let connected = Connection::connect(&server, MIGRATION_MAX);
        let writer = connected.map_err(source.unusable(&name))?;
        Ok((source, writer))
    }

    /// The same by a later release, which has this migration too: for tests of nodes side by side.
    ///
    /// # Errors
    /// As [`SqlStore::open`].
    #[doc(hidden)]
    pub async fn open_postgres_as_later(
        address: PostgresAddress,
        version: u32,
        sql: &'static str,
    ) -> Result<(), OpenError> {
        let name = address.to_string();
        let migrated = tokio::task::spawn_blocking(move || {
            let (source, mut writer) = Self::session_of(&address)?;
            let unusable = source.unusable(&address.to_string());
            migrate::as_later(&mut writer, version, sql).map_err(unusable)
        });
        migrated
            .await
            .unwrap_or_else(|error| Err(interrupted(name, &error)))
    }

    /// A store whose schema is this release's, with connections of its own for reading.
    fn ready(source: Source, mut writer: Connection, name: String) -> Result<Self, OpenError> {
        let unusable = source.unusable(&name);
        migrate::refuse_foreign(&writer, &name, &unusable)?;
        writer.read_beside_writes().map_err(&unusable)?;
        migrate::bring_up_to_date(&mut writer, &name, &unusable)?;
        writer.be_patient_for(PATIENCE);
        let mut reader = source.reading().map_err(&unusable)?;
        if let Source::Postgres(_) = &source {
            keeps_what_is_prepared(&mut writer, &mut reader).map_err(&unusable)?;
        }
        let listings: Vec<Connection> = (0..LISTINGS)
            .map(|_| source.reading())
            .collect::<Result<_, _>>()
            .map_err(&unusable)?;
        Ok(Self {
            name,
            source,
            writer: Arc::new(Mutex::new(writer)),
            reader: Arc::new(Mutex::new(reader)),
            listings: ListingPool::own(listings),
            bounds: Bounds::default(),
            term: None,
            heeding: None,
        })
    }

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
        migrate::bring_up_to_date(&mut connection, &name, &unusable)?;
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
        let heeds = if self.term.is_some() {
            Heeds::Log
        } else {
            Heeds::Nothing
        };
        self.write_if(heeds, work).await
    }

    /// The same, and only while the database has what was seen of its log, if `heeds` says so.
    async fn write_if<T: Send + 'static>(
        &self,
        heeds: Heeds,
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
        let fenced = move |tx: &Transaction<'_>| {
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
        let written = run_then(&self.writer, TransactionMode::Write, fenced, noted);
        Ok(written.await?.0)
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

fn interrupted(store: String, error: &tokio::task::JoinError) -> OpenError {
    OpenError::Unreachable {
        store,
        source: Failure::Step(error.to_string()).into(),
    }
}

/// Sees whether a session still has what it prepared when another one was given work meanwhile: through
/// a pooler that shares sessions it may not, and every later statement would be a matter of luck.
fn keeps_what_is_prepared(
    one: &mut Connection,
    other: &mut Connection,
) -> Result<(), DatabaseError> {
    const ASKED: &str = "SELECT pg_backend_pid()";
    let ask = |connection: &mut Connection| {
        let transaction = connection.begin(TransactionMode::Read)?;
        transaction.prepare(ASKED)?.query_row([], |_| Ok(()))?;
        transaction.commit()
    };
    ask(one)?;
    // has the session that `one` had, if they are shared
    let meanwhile = other.begin(TransactionMode::Read)?;
    meanwhile.prepare(ASKED)?.query_row([], |_| Ok(()))?;
    ask(one)?;
    meanwhile.commit()
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

/// Makes a new file readable by its owner alone: it holds addresses and hashes of tokens. The
/// files beside it take their permissions from it.
fn make_private(path: &Path) {
    // a file that is there keeps what its owner gave it; one that cannot be made is told of by
    // SQLite, with its reason
    drop(make_private_file(path));
}

/// SQLite keeps what is newest in a file beside the database, named after it: whoever comes by another
/// name misses that, and writes over it.
#[cfg(unix)]
fn refuse_linked(path: &Path) -> Result<(), OpenError> {
    // what cannot be looked at is told of by SQLite, with its reason
    let names = std::fs::metadata(path).map_or(1, |it| std::os::unix::fs::MetadataExt::nlink(&it));
    if names > 1 {
        return Err(OpenError::Linked {
            store: path.display().to_string(),
            names,
        });
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_linked(_: &Path) -> Result<(), OpenError> {
    Ok(())
}

impl From<DatabaseError> for StorageFault {
    fn from(error: DatabaseError) -> Self {
        Self::Unavailable(error.to_string())
    }
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
