//! Reads a trail's bucket. Files are small and many, so the next ones are prefetched.

use std::cell::RefCell;
use std::io::{self, Cursor, Read};
use std::sync::Arc;

use crate::host::runtime::{CommandRuntime, runtime};
use crate::host::snapshots_at::bucket;
use futures_util::StreamExt as _;
use futures_util::stream::{self, LocalBoxStream};
use hallpass_activity::{FileLook, LogEntry, LogFile, LogFiles};
use hallpass_aws::{BucketError, BucketFile, BucketFiles, BucketPlace};
use hallpass_terminal::exit::Failure;

const AHEAD: usize = 16;
/// Bytes. Smaller files are prefetched whole, larger ones are read in pieces. With [`AHEAD`], this
/// bounds memory.
const WHOLE_BYTES_MAX: u64 = 1 << 20;
const PIECE_BYTES: u64 = 4 << 20;

/// A file, with its bytes if prefetched.
type Fetched = (LogFile, Option<Result<Option<Vec<u8>>, BucketError>>);

pub(super) struct BucketLogs {
    runtime: CommandRuntime,
    files: Arc<BucketFiles>,
    coming: RefCell<LocalBoxStream<'static, Fetched>>,
}

impl BucketLogs {
    pub(super) fn open(place: &BucketPlace) -> Result<Self, Failure> {
        let runtime = runtime()?;
        let files = runtime.block_on(bucket(place)).map_err(Failure::failed)?;
        Ok(Self {
            runtime,
            files: Arc::new(files),
            coming: RefCell::new(stream::empty().boxed_local()),
        })
    }

    fn announced(&self, path: &str) -> Option<Fetched> {
        let mut coming = self.coming.borrow_mut();
        self.runtime.block_on(async {
            while let Some(next) = coming.next().await {
                if next.0.path == path {
                    return Some(next);
                }
            }
            None
        })
    }
}

impl LogFiles for BucketLogs {
    fn entries(&self, folder: &str) -> io::Result<Vec<LogEntry>> {
        let inside = self.runtime.block_on(self.files.inside(folder));
        let inside = inside.map_err(|error| other(&error))?;
        let folder = |name| LogEntry { name, look: None };
        let file = |it: BucketFile| LogEntry {
            look: Some(look(&it)),
            name: it.key,
        };
        let folders = inside.folders.into_iter().map(folder);
        Ok(folders.chain(inside.files.into_iter().map(file)).collect())
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn Read + '_>> {
        let gone = || io::Error::new(io::ErrorKind::NotFound, "it is gone");
        match self.announced(path) {
            Some((_, Some(fetched))) => {
                let bytes = fetched.map_err(|error| other(&error))?.ok_or_else(gone)?;
                Ok(Box::new(Cursor::new(bytes)))
            }
            Some((file, None)) => Ok(Box::new(LongFile {
                logs: self,
                path: file.path,
                unread: 0..file.look.bytes,
                piece: Cursor::default(),
            })),
            None => {
                let bytes = self.runtime.block_on(self.files.get(path));
                let bytes = bytes.map_err(|error| other(&error))?.ok_or_else(gone)?;
                Ok(Box::new(Cursor::new(bytes)))
            }
        }
    }

    fn signature(&self, path: &str) -> io::Result<Option<String>> {
        let said = self.files.said_of(path, "signature");
        self.runtime.block_on(said).map_err(|error| other(&error))
    }

    fn ahead(&self, files: &[LogFile]) {
        let from = Arc::clone(&self.files);
        let fetch = move |file: LogFile| {
            let from = Arc::clone(&from);
            async move {
                let bytes = if file.look.bytes <= WHOLE_BYTES_MAX {
                    Some(from.get(&file.path).await)
                } else {
                    None
                };
                (file, bytes)
            }
        };
        let coming = stream::iter(files.to_vec()).map(fetch).buffered(AHEAD);
        *self.coming.borrow_mut() = coming.boxed_local();
    }
}

fn look(file: &BucketFile) -> FileLook {
    FileLook {
        bytes: file.bytes,
        modified_ns: u64::try_from(file.modified.as_nanosecond()).unwrap_or_default(),
    }
}

fn other(error: &BucketError) -> io::Error {
    io::Error::other(format!("{error}; {}", error.help))
}

struct LongFile<'a> {
    logs: &'a BucketLogs,
    path: String,
    unread: std::ops::Range<u64>,
    piece: Cursor<Vec<u8>>,
}

impl Read for LongFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.piece.read(buffer)?;
        if read > 0 || buffer.is_empty() || self.unread.is_empty() {
            return Ok(read);
        }
        let end = self.unread.end.min(self.unread.start + PIECE_BYTES);
        let range = self.unread.start..end;
        let piece = self
            .logs
            .runtime
            .block_on(self.logs.files.range(&self.path, range));
        self.piece = Cursor::new(piece.map_err(|error| other(&error))?);
        self.unread.start = end;
        self.piece.read(buffer)
    }
}
