//! Disk space reserved for ending access.
//!
//! A file beside the database holds it. The first write on a full disk empties the file. Then
//! callers' writes are refused, and ends use the space, until the disk has space for the file
//! again.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Source, SqlStore};
use crate::fault::StorageFault;
use crate::files::make_private_file;

/// Reserved size: an end writes about 100 KiB to the write-ahead log, which is reused from 4 MiB.
const RESERVED_BYTES: u64 = 16 * 1024 * 1024;
/// Interval of attempts to restore the reserve.
const RESERVED_AGAIN: Duration = Duration::from_secs(10);
const CHUNK: usize = 64 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    Callers,
    Ends,
}

#[derive(Debug)]
pub(super) struct Reserve {
    file: PathBuf,
    bytes: u64,
    again: Duration,
    released: Mutex<Option<Instant>>,
}

fn file_beside(database: &Path) -> PathBuf {
    let mut file = database.as_os_str().to_owned();
    file.push("-reserve");
    PathBuf::from(file)
}

pub(super) fn free_beside(database: &Path) {
    if let Ok(file) = OpenOptions::new().write(true).open(file_beside(database)) {
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

    /// Checks that a write may begin; a caller's write first tries to restore the reserve. Only one
    /// writer may call it at a time.
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
                // no reserve is possible, but the disk has space: callers are served
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
        // public as a part of readiness: names no file
        let told = "the disk of the database is full, and the rest is reserved for the end of access: make \
                    room on it; nothing was written";
        Err(StorageFault::Full(told.to_owned()))
    }

    /// Frees the space. Repeated calls change nothing: refused writes do not delay the next attempt
    /// to restore.
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

    /// Writes the file up to its size. Uses varying blocks: repeated ones may take no space.
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
            tracing::warn!(file = %self.file.display(), error = %error, "the reserved space could not be \
                                                                         released");
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
    /// Reserves space beside the file, so that access ends on a full disk. Not for PostgreSQL,
    /// whose disk is the server's. Blocks.
    #[must_use]
    pub fn with_reserve(self) -> Self {
        self.reserving(RESERVED_BYTES, RESERVED_AGAIN)
    }

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
        reserve.release();
        assert_eq!(*reserve.released(), again);
        assert!(reserve.admit(Space::Ends).is_ok());
    }
}
