//! The store engine and address of the whole binary.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use hallpass_store::postgres::PostgresAddress;
use hallpass_terminal::exit::Failure;

pub type ServerStore = hallpass_store::SqlStore;

#[derive(Clone, Debug)]
pub enum StoreAddress {
    File(PathBuf),
    Postgres(Box<PostgresAddress>),
}

impl StoreAddress {
    /// Whether a store may exist: opening would create a missing file. A server is unknown until
    /// contacted.
    ///
    /// # Errors
    /// If unknown, such as in a folder without permission: that does not mean absence.
    pub fn may_be_there(&self) -> Result<bool, Failure> {
        match self {
            Self::File(path) => path.try_exists().map_err(|error| unseen(path, &error)),
            Self::Postgres(_) => Ok(true),
        }
    }

    /// Returns the file for file-only actions.
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

fn unseen(path: &Path, error: &io::Error) -> Failure {
    Failure::unseen(path.display(), error).help(match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "run it as the server's user: `sudo --user=hallpass`, with `-E` where the credentials of AWS are in your environment"
        }
        _ => "`store.url` in the configuration names it",
    })
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Postgres(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_not_taken_for_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hallpass.db");
        let at = |path: PathBuf| StoreAddress::File(path).may_be_there();
        assert!(!at(file.clone()).unwrap());
        std::fs::write(&file, "").unwrap();
        assert!(at(file.clone()).unwrap());
        // a user with access to all folders: another unknown case
        let failure = at(file.join("hallpass.db")).unwrap_err();
        assert!(failure.words().contains("cannot be seen"), "{failure:?}");
        assert_eq!(
            failure.remedy(),
            Some("`store.url` in the configuration names it")
        );
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let failure = unseen(&file, &denied);
        let remedy = failure.remedy().unwrap_or_default();
        assert!(remedy.contains("sudo --user=hallpass"), "{remedy}");
    }
}
