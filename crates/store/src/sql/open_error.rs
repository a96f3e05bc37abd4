//! Why a database was not opened, and remedies.

use crate::database::DatabaseError;

/// A database that was not opened and not changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot open `{store}`")]
    Unusable {
        store: String,
        source: DatabaseError,
    },
    /// The server does not answer or refuses the login.
    #[error("cannot use the database `{store}`")]
    Unreachable {
        store: String,
        source: DatabaseError,
    },
    /// A pooler gives each transaction another session.
    #[error("the database `{store}` is behind a pooler that shares sessions")]
    Pooled {
        store: String,
        source: DatabaseError,
    },
    /// The file has several names.
    #[error("`{store}` is one file with {names} names (hard links)")]
    Linked { store: String, names: u64 },
    #[error("`{store}` is a database of another program")]
    Foreign { store: String },
    /// Laid out by a release with another schema.
    #[error("`{store}` has schema version {found}, and this release uses version {known}")]
    OtherVersion {
        store: String,
        found: u32,
        /// The version of this release.
        known: u32,
    },
    /// Laid out by a build with another form of this version.
    #[error("`{store}` has another form of schema version {version}")]
    OtherForm {
        store: String,
        /// The version of both.
        version: u32,
    },
}

impl OpenError {
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
                "stop the server, and delete every name but the original one (`find -samefile` lists them): \
                 the newest data is beside that one"
            }
            Self::Foreign { .. } => "name another file or database under `[store] url`",
            Self::OtherVersion { .. } | Self::OtherForm { .. } => {
                "run the release that wrote it, or restore a backup of this release"
            }
        }
    }
}
