//! The file in which a process keeps what it has seen of the log.
//!
//! It is written with each commit, under the writers' lock, and so written through to the disk once a second at
//! most. What was written through has a second name until the next that is: after a loss of power the file itself
//! may be empty.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::files::{PARTIAL, make_private_file, sync_folder_of};

/// What is added to the name of what was written through.
const SYNCED: &str = ".synced";
/// What is added to the name of a file that could not be read.
const UNREAD: &str = ".unread";

fn with_end(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// What the file says, or what was written through of it; nothing where there is none.
///
/// # Errors
/// When the file is there and neither can be read.
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

/// Writes the file, and through to the disk if `is_synced`.
pub(super) fn write(file: &Path, bytes: &[u8], is_synced: bool) -> io::Result<()> {
    let partial = with_end(file, PARTIAL);
    // one that was killed in the middle of this
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
        // where there are no links the file itself is all there is
        drop(fs::hard_link(file, &synced));
        sync_folder_of(file)?;
    }
    Ok(())
}

/// Moves a file that cannot be read out of the way, for people to look at. One that stays is in the way of
/// nothing that can be written.
pub(super) fn move_aside(file: &Path) {
    drop(fs::rename(file, with_end(file, UNREAD)));
}

/// Tries whether the file can be made, and read where it is there.
pub(super) fn try_it<T>(file: &Path, parse: impl Fn(&[u8]) -> io::Result<T>) -> io::Result<()> {
    let tried = with_end(file, ".tried");
    // one that was killed in the middle of this
    drop(fs::remove_file(&tried));
    make_private_file(&tried)?;
    fs::remove_file(&tried)?;
    read(file, parse).map(drop)
}
