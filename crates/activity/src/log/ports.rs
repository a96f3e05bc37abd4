//! What reading logs needs: a place that lists and opens files.

use std::io::{self, Read};

/// Something in a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogEntry {
    /// Its name, without the folder.
    pub name: String,
    /// Whether it holds others.
    pub is_folder: bool,
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
}

/// A path below a folder.
pub(crate) fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}
