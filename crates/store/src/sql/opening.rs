//! Opens a database: lays out an empty one, refuses one of another schema.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::postgres::PostgresAddress;

use super::listing::Bounds;
use super::listing_pool::ListingPool;
use super::open_error::OpenError;
use super::{Source, SqlStore, reserve, schema};
use crate::database::{
    Connection, DatabaseError, Failure, Owner, PATIENCE, Server, TransactionMode,
};
use crate::files::make_private_file;

const BUSY_PAUSE: Duration = Duration::from_millis(20);
const BUSY_TRIES: u32 = 250;
const LISTINGS: usize = 2;

impl SqlStore {
    /// Opens or makes the database at `path`. Blocks.
    ///
    /// # Errors
    /// When the file is unusable, of another program, or of another schema.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let (mut tries, mut is_freed) = (0, false);
        loop {
            // SQLite's busy timeout does not cover the switch of a new file to a write-ahead log,
            // which fails immediately while another process switches it
            match Self::open_at_once(path) {
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

    fn open_at_once(path: &Path) -> Result<Self, OpenError> {
        let (source, name) = (Source::File(path.to_owned()), path.display().to_string());
        make_private(path);
        refuse_linked(path)?;
        let writer = Connection::open(path).map_err(source.unusable(&name))?;
        Self::ready(source, writer, name)
    }

    /// Opens a database of PostgreSQL; lays out an empty one.
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
        let connected = Connection::connect(&server, PATIENCE);
        let writer = connected.map_err(source.unusable(&name))?;
        Ok((source, writer))
    }

    fn ready(source: Source, mut writer: Connection, name: String) -> Result<Self, OpenError> {
        let unusable = source.unusable(&name);
        match schema::refuse_foreign(&writer, &name, &unusable)? {
            Owner::Us => {
                schema::check(&mut writer, &name, &unusable)?;
                writer.read_beside_writes().map_err(&unusable)?;
            }
            Owner::Nobody | Owner::Another => {
                writer.read_beside_writes().map_err(&unusable)?;
                schema::lay_out(&mut writer, &name, &unusable)?;
            }
        }
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

/// Checks that a session keeps its prepared statements while another works: a pooler that shares
/// sessions may lose them at random.
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
    let meanwhile = other.begin(TransactionMode::Read)?;
    meanwhile.prepare(ASKED)?.query_row([], |_| Ok(()))?;
    ask(one)?;
    meanwhile.commit()
}

/// Makes a new file private: it holds addresses and hashes of tokens. SQLite's companion files
/// inherit its permissions.
pub(super) fn make_private(path: &Path) {
    // existing files keep their permissions; SQLite reports creation errors with the reason
    drop(make_private_file(path));
}

/// Refuses hard links: SQLite names its log after the database, so access by another name misses
/// and overwrites the newest data.
#[cfg(unix)]
pub(super) fn refuse_linked(path: &Path) -> Result<(), OpenError> {
    // SQLite reports unreadable metadata with the reason
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
