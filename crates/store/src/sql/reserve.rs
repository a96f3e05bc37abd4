//! Space on the disk that only the end of access may use.
//!
//! A file beside the database holds it. The first write that finds the disk full empties the file. From then on callers'
//! writes are refused, and what ends access goes on with the space, until the disk has room for the file again.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Source, SqlStore};
use crate::fault::StorageFault;
use crate::files::make_private_file;

/// How much is reserved: an end writes about 100 KiB to the write-ahead log, which is used again once it has 4 MiB.
const RESERVED_BYTES: u64 = 16 * 1024 * 1024;
/// How often it is tried to reserve the space again.
const RESERVED_AGAIN: Duration = Duration::from_secs(10);
/// Written at once.
const CHUNK: usize = 64 * 1024;

/// Who writes, as far as the disk is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    /// What callers make: refused while the disk is full.
    Callers,
    /// What ends access, and what the server needs for that.
    Ends,
}

/// The space, in a file.
#[derive(Debug)]
pub(super) struct Reserve {
    file: PathBuf,
    bytes: u64,
    /// How long it is left before it is tried to reserve it again.
    again: Duration,
    /// When to try to reserve it again; `None` while it is reserved.
    released: Mutex<Option<Instant>>,
}

/// The file of the reserve of a database.
fn file_beside(database: &Path) -> PathBuf {
    let mut file = database.as_os_str().to_owned();
    file.push("-reserve");
    PathBuf::from(file)
}

/// Gives the reserve of a database back to the disk before the database is open.
pub(super) fn free_beside(database: &Path) {
    if let Ok(file) = OpenOptions::new().write(true).open(file_beside(database)) {
        // without it, opening fails again and says why
        drop(file.set_len(0));
    }
}

impl Reserve {
    fn beside(database: &Path, bytes: u64, again: Duration) -> Self {
        let reserve = Self {
            file: file_beside(database),
            bytes,
            again,
            released: Mutex::new(Some(Instant::now())),
        };
        if let Err(fault) = reserve.admit(Space::Callers) {
            tracing::warn!(
                error = fault.text(),
                "no space is reserved for the end of access"
            );
        }
        reserve
    }

    fn released(&self) -> MutexGuard<'_, Option<Instant>> {
        self.released.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a write may begin. One of callers reserves the space again first, where the disk has room for it. To be called
    /// by one writer at a time.
    pub(super) fn admit(&self, space: Space) -> Result<(), StorageFault> {
        let mut released = self.released();
        let (Some(again), Space::Callers) = (*released, space) else {
            return Ok(());
        };
        if Instant::now() >= again {
            match self.fill() {
                Ok(()) => {
                    *released = None;
                    return Ok(());
                }
                // nothing can be reserved here, and the disk has room: callers are served
                Err(error) if !is_full(&error) => {
                    tracing::warn!(
                        file = %self.file.display(),
                        error = %error,
                        "no space is reserved for the end of access"
                    );
                    *released = None;
                    return Ok(());
                }
                Err(error) => {
                    self.empty();
                    *released = Some(Instant::now() + self.again);
                    tracing::debug!(error = %error, "the disk has no room for the reserved space");
                }
            }
        }
        // anybody may read it as a part of readiness: it names no file
        let told = "the disk of the database is full, and what is left is reserved for the end of access: make room on \
                    it; nothing was written";
        Err(StorageFault::Full(told.to_owned()))
    }

    /// Gives the space back to the disk. Later calls change nothing: a write that was refused meanwhile does not postpone the
    /// next attempt to reserve it.
    pub(super) fn release(&self) {
        let mut released = self.released();
        if released.is_none() {
            tracing::error!(
                file = %self.file.display(),
                "the disk of the database is full: only what ends access is written until there is room"
            );
            self.empty();
            *released = Some(Instant::now() + self.again);
        }
    }

    /// Writes the file, if it is not as large already. Not one block for all: a file of one repeated block may take no room.
    fn fill(&self) -> io::Result<()> {
        if std::fs::metadata(&self.file).is_ok_and(|it| it.len() == self.bytes) {
            return Ok(());
        }
        drop(std::fs::remove_file(&self.file));
        let mut file = make_private_file(&self.file)?;
        let (mut left, mut seed) = (self.bytes, 0x9e37_79b9_7f4a_7c15_u64);
        while left > 0 {
            let mut chunk = Vec::with_capacity(CHUNK);
            while chunk.len() < CHUNK {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                chunk.extend_from_slice(&seed.to_le_bytes());
            }
            let length = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
            chunk.truncate(length);
            file.write_all(&chunk)?;
            left = left.saturating_sub(length as u64);
        }
        file.sync_data()
    }

    fn empty(&self) {
        let emptied = OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(&self.file);
        if let Err(error) = emptied {
            tracing::warn!(file = %self.file.display(), error = %error, "the reserved space could not be given back");
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

impl SqlStore {
    /// The same store with space reserved beside its file, so that access ends also when the disk is full. PostgreSQL has
    /// none: its disk is that of its server. Blocks.
    #[must_use]
    pub fn with_reserve(self) -> Self {
        self.reserving(RESERVED_BYTES, RESERVED_AGAIN)
    }

    /// The same with so many bytes, which are reserved again after so long.
    #[doc(hidden)]
    #[must_use]
    pub fn reserving(mut self, bytes: u64, again: Duration) -> Self {
        if let Source::File(path) = &self.source {
            self.reserve = Some(Arc::new(Reserve::beside(path, bytes, again)));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_that_are_refused_do_not_postpone_the_next_attempt_to_reserve() {
        let folder = tempfile::tempdir().unwrap();
        let reserve = Reserve::beside(&folder.path().join("hp.db"), 4096, RESERVED_AGAIN);
        reserve.release();
        let again = *reserve.released();
        assert!(again.is_some() && reserve.admit(Space::Callers).is_err());
        // what a store does after such a write
        reserve.release();
        assert_eq!(*reserve.released(), again);
        assert!(reserve.admit(Space::Ends).is_ok());
    }
}
