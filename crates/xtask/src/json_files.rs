//! JSON files and derived files; errors name the path.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

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
    pub(crate) fn unread(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Read { path, source }
    }

    pub(crate) fn unwritten(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Write { path, source }
    }
}

pub(crate) fn read(path: &Path) -> Result<Value, JsonFileError> {
    parsed(path, &fs::read(path).map_err(JsonFileError::unread(path))?)
}

pub(crate) fn parsed(path: &Path, text: &[u8]) -> Result<Value, JsonFileError> {
    serde_json::from_slice(text).map_err(|source| JsonFileError::Parse {
        path: path.to_owned(),
        source,
    })
}

pub(crate) fn write(path: &Path, text: impl AsRef<[u8]>) -> Result<(), JsonFileError> {
    fs::write(path, text).map_err(JsonFileError::unwritten(path))
}
