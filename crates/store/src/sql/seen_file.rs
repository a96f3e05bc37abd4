//! The file in which a process stores the seen log.
//!
//! It is written with each commit, under the writers' lock, and so synced once a second at most.
//! The synced content keeps a second name until the next sync: after a power loss the file itself
//! may be empty.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::files::{PARTIAL, make_private_file, sync_folder_of};

/// Suffix of the synced content.
const SYNCED: &str = ".synced";
/// Suffix of an unreadable file.
const UNREAD: &str = ".unread";

fn with_end(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Reads the file, or its synced content; `None` without one.
///
/// # Errors
/// When the file exists and neither is readable.
pub(super) fn read<T>(
    file: &Path,
    parse: impl Fn(&[u8]) -> io::Result<T>,
) -> io::Result<Option<T>> {
    let read = |path: &Path| fs::read(path).and_then(|bytes| parse(&bytes));
    match read(file) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => read(&with_end(file, SYNCED)).map(Some).map_err(|_| error),
    }
}

pub(super) fn write(file: &Path, bytes: &[u8], is_synced: bool) -> io::Result<()> {
    let partial = with_end(file, PARTIAL);
    drop(fs::remove_file(&partial));
    let mut written = make_private_file(&partial)?;
    written.write_all(bytes)?;
    if is_synced {
        written.sync_all()?;
    }
    fs::rename(&partial, file)?;
    if is_synced {
        let synced = with_end(file, SYNCED);
        drop(fs::remove_file(&synced));
        drop(fs::hard_link(file, &synced));
        sync_folder_of(file)?;
    }
    Ok(())
}

/// Renames an unreadable file for inspection. Failure does not block later writes.
pub(super) fn move_aside(file: &Path) {
    drop(fs::rename(file, with_end(file, UNREAD)));
}

pub(super) fn try_it<T>(file: &Path, parse: impl Fn(&[u8]) -> io::Result<T>) -> io::Result<()> {
    let tried = with_end(file, ".tried");
    drop(fs::remove_file(&tried));
    make_private_file(&tried)?;
    fs::remove_file(&tried)?;
    read(file, parse).map(drop)
}
