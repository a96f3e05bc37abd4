//! What reading logs needs: a place that lists and opens files.

use std::io::{self, Read};

use serde::{Deserialize, Serialize};

/// Something in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Its name, without the folder.
    pub name: String,
    /// What a file looks like; `None`: it holds others.
    pub look: Option<FileLook>,
}

/// What a file looks like from outside. One that looks the same is the same: nothing changes a file of a trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileLook {
    /// Its length.
    pub bytes: u64,
    /// When it was written, in nanoseconds since 1970; 0 where nobody says.
    pub modified_ns: u64,
}

/// A file of a log, as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// Its path.
    pub path: String,
    /// What it looks like.
    pub look: FileLook,
}

/// Where logs lie: a file system, or what looks like one. Paths are joined with `/` and begin at its root, whose own
/// path is empty.
pub trait LogFiles {
    /// What a folder holds, in any order. May be repeated; what comes and goes meanwhile may be in it or not.
    ///
    /// # Errors
    /// The folder cannot be listed. Another try is the caller's to make.
    fn entries(&self, folder: &str) -> io::Result<Vec<LogEntry>>;

    /// The bytes of a file, as they are stored. Reads may be short.
    ///
    /// # Errors
    /// The file cannot be opened; later, the reader says what else goes wrong.
    fn open(&self, path: &str) -> io::Result<Box<dyn Read + '_>>;

    /// The signature that S3 keeps beside a digest, in hexadecimal digits; `None` where the place keeps none, as a folder
    /// to which files were copied.
    ///
    /// # Errors
    /// It cannot be asked for.
    fn signature(&self, _path: &str) -> io::Result<Option<String>> {
        Ok(None)
    }

    /// Hears which files are opened next, in this order, so that a place that is far away can begin to send them. What
    /// was said before is forgotten.
    fn ahead(&self, _files: &[LogFile]) {}
}

/// A path below a folder.
pub(crate) fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}
