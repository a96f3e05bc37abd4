//! Files of JSON, and those that are made of them: what is wrong is said with the path.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Why a file could not be read, understood or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JsonFileError {
    #[error("`{path}` cannot be read")]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("`{path}` is not JSON")]
    Parse {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error("`{path}` cannot be written")]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
}

impl JsonFileError {
    /// The error of a file that cannot be read.
    pub(crate) fn unread(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Read { path, source }
    }

    /// The error of a file that cannot be written.
    pub(crate) fn unwritten(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Write { path, source }
    }
}

/// What a file says.
pub(crate) fn read(path: &Path) -> Result<Value, JsonFileError> {
    parsed(path, &fs::read(path).map_err(JsonFileError::unread(path))?)
}

/// What the bytes of a file say.
pub(crate) fn parsed(path: &Path, text: &[u8]) -> Result<Value, JsonFileError> {
    serde_json::from_slice(text).map_err(|source| JsonFileError::Parse {
        path: path.to_owned(),
        source,
    })
}

/// Writes a file over what was there.
pub(crate) fn write(path: &Path, text: impl AsRef<[u8]>) -> Result<(), JsonFileError> {
    fs::write(path, text).map_err(JsonFileError::unwritten(path))
}
