use std::io::{self, Read};

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    pub name: String,
    /// `None` for a folder.
    pub look: Option<FileLook>,
}

/// Size and time of a file. Trail files are immutable, so equal looks mean equal content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileLook {
    pub bytes: u64,
    /// In nanoseconds since 1970; 0 if unknown.
    pub modified_ns: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    pub path: String,
    pub look: FileLook,
}

/// A file system or equivalent. Paths use `/` and start at its root, the empty path.
pub trait LogFiles {
    /// Lists a folder, in any order. May be repeated; concurrent changes may be missing.
    ///
    /// # Errors
    /// The folder cannot be listed. The caller retries.
    fn entries(&self, folder: &str) -> io::Result<Vec<LogEntry>>;

    /// Opens a file as stored. Reads may be short.
    ///
    /// # Errors
    /// The file cannot be opened; the reader reports later faults.
    fn open(&self, path: &str) -> io::Result<Box<dyn Read + '_>>;

    /// Returns the S3 signature of a digest, in hexadecimal; `None` if the place has none, such as
    /// a folder of copies.
    ///
    /// # Errors
    /// It cannot be queried.
    fn signature(&self, _path: &str) -> io::Result<Option<String>> {
        Ok(None)
    }

    /// Announces the next files, in order, so that a remote place can prefetch. Replaces earlier
    /// announcements.
    fn ahead(&self, _files: &[LogFile]) {}
}

pub(crate) fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}
