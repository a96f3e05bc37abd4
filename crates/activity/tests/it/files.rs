//! In-memory files with small reads and faults.

use std::collections::BTreeMap;
use std::io::{self, Read};

use hallpass_activity::{FileLook, LogEntry, LogFiles};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    Closed,
    FailsAfter(usize),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryFiles {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) trouble: BTreeMap<String, Trouble>,
    /// The most bytes per read; 0 = as requested.
    pub(crate) piece: usize,
    pub(crate) closed: Vec<String>,
}

/// Bytes in pieces, with an interruption before each.
pub(crate) struct Pieces<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) piece: usize,
    pub(crate) fails_after: Option<usize>,
    pub(crate) interrupted: bool,
}

impl<'a> Pieces<'a> {
    pub(crate) fn of(bytes: &'a [u8], piece: usize) -> Self {
        Self {
            bytes,
            piece,
            fails_after: None,
            interrupted: false,
        }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(io::Error::from(io::ErrorKind::Interrupted));
        }
        if self.fails_after == Some(0) {
            return Err(io::Error::other("the disk is gone"));
        }
        let most = [
            Some(buffer.len()),
            Some(self.piece).filter(|it| *it > 0),
            self.fails_after,
        ];
        let most = most.into_iter().flatten().min().unwrap();
        let read = self.bytes.read(&mut buffer[..most])?;
        self.fails_after = self.fails_after.map(|it| it - read);
        Ok(read)
    }
}

impl LogFiles for MemoryFiles {
    fn entries(&self, folder: &str) -> io::Result<Vec<LogEntry>> {
        if self.closed.iter().any(|it| it == folder) {
            return Err(io::Error::from(io::ErrorKind::PermissionDenied));
        }
        let below = self.files.keys().filter_map(|path| {
            let rest = match folder {
                "" => path.as_str(),
                _ => path.strip_prefix(folder)?.strip_prefix('/')?,
            };
            Some(match rest.split_once('/') {
                Some((name, _)) => (name.to_owned(), true),
                None => (rest.to_owned(), false),
            })
        });
        let entries: std::collections::BTreeSet<_> = below.collect();
        let entry = |(name, is_folder): (String, bool)| {
            let (bytes, modified_ns) = (0, 0);
            let look = (!is_folder).then_some(FileLook { bytes, modified_ns });
            LogEntry { name, look }
        };
        // An unreliable order.
        Ok(entries.into_iter().rev().map(entry).collect())
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn Read + '_>> {
        let bytes = self.files.get(path);
        let bytes = bytes.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let mut pieces = Pieces::of(bytes, self.piece);
        match self.trouble.get(path) {
            Some(Trouble::Closed) => {
                return Err(io::Error::from(io::ErrorKind::PermissionDenied));
            }
            Some(Trouble::FailsAfter(bytes)) => pieces.fails_after = Some(*bytes),
            None => {}
        }
        Ok(Box::new(pieces))
    }
}
