//! Opening a database: what is made, what is brought up to date, what is refused.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hallpass_postgres::PostgresAddress;

use super::listing::Bounds;
use super::listing_pool::ListingPool;
use super::{Source, SqlStore, migrate};
use crate::database::{
    Connection, DatabaseError, Failure, Owner, PATIENCE, Server, TransactionMode,
};
use crate::files::make_private_file;

/// Between two tries to open a file that somebody else is making at this moment.
const BUSY_PAUSE: Duration = Duration::from_millis(20);
/// How often it is tried again.
const BUSY_TRIES: u32 = 250;
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
    /// Written by an earlier release, and whoever opens it only looks.
    #[error("`{store}` has schema version {found}, and this release wants {known}")]
    Older {
        /// Where it is.
        store: String,
        /// Its version.
        found: u32,
        /// Ours.
        known: u32,
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
            Self::Older { .. } => {
                "stop the server of the earlier release, then run `hallpass server store migrate` or start this one; until then use the program that the server runs"
            }
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
        let mut tries = 0;
        loop {
            // SQLite's own patience does not cover the change of a new file to a write-ahead log,
            // which a process in the middle of the same change refuses at once
            match Self::open_at_once(path, schema) {
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
        })
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
