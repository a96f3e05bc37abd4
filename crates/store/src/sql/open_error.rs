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
    /// Whether a lock or an answer was waited for in vain.
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
