//! Why a database was not opened, and what to do about it.

use crate::database::DatabaseError;

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
    /// Laid out by a release with another schema.
    #[error("`{store}` has schema version {found}, and this release uses version {known}")]
    OtherVersion {
        /// Where it is.
        store: String,
        /// Its version.
        found: u32,
        /// The version of this release.
        known: u32,
    },
    /// Laid out by a build with another form of this version.
    #[error("`{store}` has another form of schema version {version}")]
    OtherForm {
        /// Where it is.
        store: String,
        /// The version of both.
        version: u32,
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
            Self::OtherVersion { .. } | Self::OtherForm { .. } => {
                "run the release that wrote it, or restore a backup of this release"
            }
        }
    }
}
