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
    /// Of an earlier release, opened read-only.
    #[error("`{store}` has schema version {found}, and this release wants {known}")]
    Older {
        store: String,
        found: u32,
        known: u32,
    },
    #[error("`{store}` has schema version {found}, this release knows versions up to {known}")]
    Newer {
        store: String,
        found: u32,
        known: u32,
    },
    /// An applied migration differs from this release's.
    #[error("`{store}` was migrated with another form of migration {version} (`{name}`)")]
    Changed {
        store: String,
        version: u32,
        name: String,
    },
    /// A migration failed and was rolled back.
    #[error("migration {version} (`{name}`) of `{store}` failed")]
    Migration {
        store: String,
        version: u32,
        name: &'static str,
        source: DatabaseError,
    },
}

impl OpenError {
    /// Returns whether a wait for a lock or an answer timed out.
    pub(super) fn waited(&self) -> bool {
        match self {
            Self::Unusable { source, .. }
            | Self::Unreachable { source, .. }
            | Self::Pooled { source, .. }
            | Self::Migration { source, .. } => source.waited(),
            Self::Linked { .. }
            | Self::Foreign { .. }
            | Self::Older { .. }
            | Self::Newer { .. }
            | Self::Changed { .. } => false,
        }
    }

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
            Self::Older { .. } => {
                "stop the server of the earlier release, then run `hallpass server store migrate` or start this one; until then use the program that the server runs"
            }
            Self::Newer { .. } => {
                "run the release that wrote it or a later one, or restore a backup made before the upgrade"
            }
            Self::Changed { .. } => {
                "run the release that wrote it; if the program was not changed, restore a backup"
            }
            Self::Migration { .. } => {
                "the database is as it was: keep it, run the release before, and report the error"
            }
        }
    }
}
