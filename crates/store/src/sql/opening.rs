//! Opening a database: what is made, what is brought up to date, what is refused.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::postgres::PostgresAddress;

use super::listing::Bounds;
use super::listing_pool::ListingPool;
use super::open_error::OpenError;
use super::{Source, SqlStore, migrate, reserve};
use crate::database::{
    Connection, DatabaseError, Failure, Owner, PATIENCE, Server, TransactionMode,
};
use crate::files::make_private_file;

/// Between two tries to open a file that somebody else is making at this moment.
const BUSY_PAUSE: Duration = Duration::from_millis(20);
/// How often it is tried again.
const BUSY_TRIES: u32 = 250;
/// Connections for listings.
const LISTINGS: usize = 2;

/// What becomes of a database that an earlier release has laid out. An empty one is always laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaUse {
    /// It is brought up to date: nobody of the earlier release may be at work on it, or has to step aside.
    BroughtUpToDate,
    /// It is refused: [`OpenError::Older`].
    OfThisRelease,
    /// It is used as it is, for what reads no table: a copy of the whole.
    AsItIs,
}

impl SqlStore {
    /// Opens or makes the database at `path` and brings its schema up to date. Blocks.
    ///
    /// # Errors
    /// When the file is unusable, of another program, of a later release, or was migrated
    /// otherwise than this release would have.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open_for(path, SchemaUse::BroughtUpToDate)
    }

    /// The same; what becomes of a file of an earlier release is `schema`'s.
    ///
    /// # Errors
    /// As [`SqlStore::open`].
    pub fn open_for(path: impl AsRef<Path>, schema: SchemaUse) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let (mut tries, mut is_freed) = (0, false);
        loop {
            // SQLite's own patience does not cover the change of a new file to a write-ahead log,
            // which a process in the middle of the same change refuses at once
            match Self::open_at_once(path, schema) {
                // opening needs room for the write-ahead log and its index
                Err(OpenError::Unusable { source, .. }) if !is_freed && source.is_full() => {
                    is_freed = true;
                    reserve::free_beside(path);
                }
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

    fn open_at_once(path: &Path, schema: SchemaUse) -> Result<Self, OpenError> {
        let (source, name) = (Source::File(path.to_owned()), path.display().to_string());
        make_private(path);
        refuse_linked(path)?;
        let writer = Connection::open(path).map_err(source.unusable(&name))?;
        Self::ready(source, writer, (name, schema))
    }

    /// Opens a database of PostgreSQL and brings its schema up to date.
    ///
    /// # Errors
    /// As [`SqlStore::open`].
    pub async fn open_postgres(address: PostgresAddress) -> Result<Self, OpenError> {
        Self::open_postgres_for(address, SchemaUse::BroughtUpToDate).await
    }

    /// The same; what becomes of a database of an earlier release is `schema`'s.
    ///
    /// # Errors
    /// As [`SqlStore::open`].
    pub async fn open_postgres_for(
        address: PostgresAddress,
        schema: SchemaUse,
    ) -> Result<Self, OpenError> {
        let name = address.to_string();
        let done = tokio::task::spawn_blocking(move || {
            let (source, writer) = Self::session_of(&address)?;
            Self::ready(source, writer, (address.to_string(), schema))
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
        let connected = Connection::connect(&server, migrate::PATIENCE_MAX);
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

    /// A store with connections of its own for reading.
    fn ready(
        source: Source,
        mut writer: Connection,
        (name, schema): (String, SchemaUse),
    ) -> Result<Self, OpenError> {
        let unusable = source.unusable(&name);
        let owner = migrate::refuse_foreign(&writer, &name, &unusable)?;
        match (owner, schema) {
            (Owner::Us, SchemaUse::AsItIs) => {}
            (Owner::Us, SchemaUse::OfThisRelease) => {
                migrate::refuse_older(&mut writer, &name, &unusable)?;
            }
            (Owner::Nobody | Owner::Another, _) | (Owner::Us, SchemaUse::BroughtUpToDate) => {
                writer.read_beside_writes().map_err(&unusable)?;
                migrate::bring_up_to_date(&mut writer, &name, &unusable)?;
            }
        }
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
            reserve: None,
        })
    }
}

pub(super) fn interrupted(store: String, error: &tokio::task::JoinError) -> OpenError {
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

/// Makes a new file readable by its owner alone: it holds addresses and hashes of tokens. The
/// files beside it take their permissions from it.
pub(super) fn make_private(path: &Path) {
    // a file that is there keeps what its owner gave it; one that cannot be made is told of by
    // SQLite, with its reason
    drop(make_private_file(path));
}

/// SQLite keeps what is newest in a file beside the database, named after it: whoever comes by another
/// name misses that, and writes over it.
#[cfg(unix)]
pub(super) fn refuse_linked(path: &Path) -> Result<(), OpenError> {
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
pub(super) fn refuse_linked(_: &Path) -> Result<(), OpenError> {
    Ok(())
}
