//! Which engine keeps everything, and where: named here alone, for the whole binary.

use std::fmt;
use std::path::{Path, PathBuf};

use hallpass_postgres::PostgresAddress;
use hallpass_terminal::exit::Failure;

/// Where the server keeps everything.
pub type ServerStore = hallpass_store::SqlStore;

/// Where a store is.
#[derive(Clone, Debug)]
pub enum StoreAddress {
    /// A file of SQLite.
    File(PathBuf),
    /// A database of PostgreSQL.
    Postgres(Box<PostgresAddress>),
}

impl StoreAddress {
    /// Whether looking would find one: a file that is not there would be made. Of a server nobody knows
    /// before asking it.
    pub fn may_be_there(&self) -> bool {
        match self {
            Self::File(path) => path.exists(),
            Self::Postgres(_) => true,
        }
    }

    /// The file, for what is done with files alone.
    ///
    /// # Errors
    /// When it is a database of PostgreSQL: `what` is not for those, and `help` says what is.
    pub fn file(&self, what: &str, help: &'static str) -> Result<&Path, Failure> {
        match self {
            Self::File(path) => Ok(path),
            Self::Postgres(address) => {
                let words = format!("{what} is for SQLite, and `store.url` is `{address}`");
                Err(Failure::bad_input(words).help(help))
            }
        }
    }
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Postgres(address) => address.fmt(f),
        }
    }
}
