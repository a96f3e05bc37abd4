//! Exports in a folder: written whole, never over existing files, read back for verification and by
//! witnesses.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hallpass_audit::{ExportSource, ExportTarget, Input, SinkError, SinkErrorKind};
use tokio::sync::Semaphore;

use crate::files::{Existing, PARTIAL, write_private};

/// Maximum nesting: a prefix, then year, month and day.
const DEPTH_MAX: u32 = 32;

/// Timeout per object: a network folder may hang.
const OBJECT_PATIENCE: Duration = Duration::from_mins(1);
/// Timeout of a listing: there may be millions of objects.
const LIST_PATIENCE: Duration = Duration::from_hours(1);
/// Objects read in parallel.
const READERS: usize = 16;

/// The target `dir:PATH`: an object's key is its path below the folder. If the folder hangs,
/// callers get an error, few threads remain blocked, and a revived write never replaces a later
/// one.
#[derive(Clone, Debug)]
pub struct FolderTarget {
    root: PathBuf,
    writes: Arc<Semaphore>,
    reads: Arc<Semaphore>,
}

impl FolderTarget {
    /// Makes a target below `root`, which the first write creates.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            writes: Arc::new(Semaphore::new(1)),
            reads: Arc::new(Semaphore::new(READERS)),
        }
    }

    fn place(&self, key: &str) -> Result<PathBuf, SinkError> {
        let path = Path::new(key);
        let is_below = path
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if key.is_empty() || key.ends_with('/') || !is_below {
            return Err(SinkError {
                kind: SinkErrorKind::Refused,
                place: key.to_owned(),
                message: "not a path below the export folder".to_owned(),
            });
        }
        Ok(self.root.join(path))
    }

    async fn write(&self, key: &str, bytes: &[u8], existing: Existing) -> Result<(), SinkError> {
        let (path, bytes) = (self.place(key)?, bytes.to_vec());
        let place = path.display().to_string();
        let put = move || match existing {
            Existing::Replaced => write_private(&path, &bytes, existing),
            Existing::Kept => put_once(&path, &bytes),
        };
        blocking((&self.writes, OBJECT_PATIENCE), place, put).await
    }
}

/// Writes a new file. An existing one with the same bytes counts as success.
fn put_once(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let is_there = |path: &Path| -> io::Result<()> {
        if fs::read(path)? == bytes {
            return Ok(());
        }
        Err(io::ErrorKind::AlreadyExists.into())
    };
    if path.exists() {
        return is_there(path);
    }
    match write_private(path, bytes, Existing::Kept) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => is_there(path),
        written => written,
    }
}

/// Runs a blocking call in turn; a timeout abandons it, but its turn lasts until it ends.
async fn blocking<T: Send + 'static>(
    (turns, patience): (&Arc<Semaphore>, Duration),
    place: String,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, SinkError> {
    let failed = |kind, message| SinkError {
        kind,
        place,
        message,
    };
    let turns = Arc::clone(turns);
    let done = async move {
        let turn = turns.acquire_owned().await;
        let in_turn = move || {
            let _turn = turn;
            work()
        };
        tokio::task::spawn_blocking(in_turn).await
    };
    let Ok(done) = tokio::time::timeout(patience, done).await else {
        let message = format!("no answer within {} s", patience.as_secs());
        return Err(failed(SinkErrorKind::Unavailable, message));
    };
    match done {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(match error.kind() {
            io::ErrorKind::AlreadyExists => {
                let message = "another object is there already".to_owned();
                failed(SinkErrorKind::Taken, message)
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory => {
                failed(SinkErrorKind::Refused, error.to_string())
            }
            _ => failed(SinkErrorKind::Unavailable, error.to_string()),
        }),
        Err(error) => Err(failed(
            SinkErrorKind::Unavailable,
            format!("interrupted: {error}"),
        )),
    }
}

#[async_trait]
impl ExportTarget for FolderTarget {
    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), SinkError> {
        self.write(key, bytes, Existing::Kept).await
    }

    async fn replace(&self, key: &str, bytes: &[u8]) -> Result<(), SinkError> {
        self.write(key, bytes, Existing::Replaced).await
    }
}

#[async_trait]
impl ExportSource for FolderTarget {
    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>, SinkError> {
        let (root, prefix) = (self.root.clone(), prefix.to_owned());
        let after = after.unwrap_or_default().to_owned();
        let place = root.join(&prefix).display().to_string();
        let listed = move || {
            let mut found = Vec::new();
            let start = root.join(&prefix);
            if start.is_dir() {
                walk(&start, &prefix, &after, 0, &mut found)?;
            }
            found.sort_unstable();
            Ok(found)
        };
        blocking((&self.reads, LIST_PATIENCE), place, listed).await
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, SinkError> {
        let path = self.place(key)?;
        let place = path.display().to_string();
        let read = move || match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound
                        | io::ErrorKind::IsADirectory
                        | io::ErrorKind::NotADirectory
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        };
        blocking((&self.reads, OBJECT_PATIENCE), place, read).await
    }

    fn name(&self) -> String {
        let shown = self.root.display().to_string();
        shown.trim_end_matches('/').to_owned()
    }
}

fn walk(
    folder: &Path,
    prefix: &str,
    after: &str,
    depth: u32,
    found: &mut Vec<String>,
) -> io::Result<()> {
    if depth > DEPTH_MAX {
        let message = format!("it lies more than {DEPTH_MAX} folders deep");
        return Err(io::Error::other(message));
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(name) = name else {
            continue;
        };
        let key = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() || kind.is_symlink() && path.is_dir() {
            let below = format!("{key}/");
            // the whole folder precedes the wanted keys
            if below.as_str() < after && !after.starts_with(&below) {
                continue;
            }
            walk(&path, &below, after, depth + 1, found)?;
        } else if key.as_str() > after && !name.ends_with(PARTIAL) {
            found.push(key);
        }
    }
    Ok(())
}

/// Reads a file with a record per line, without validation: pass the result to
/// [`hallpass_audit::assure`].
///
/// # Errors
/// When it cannot be read (promise P9: it must not look like a shorter log).
pub fn read_lines(path: &Path) -> io::Result<Vec<Input>> {
    let bytes = fs::read(path)?;
    Ok(bytes
        .split(|byte| *byte == b'\n')
        .enumerate()
        .filter(|(_, line)| !line.is_empty())
        .map(|(index, line)| Input {
            place: format!("{}:{}", path.display(), index + 1),
            named: None,
            bytes: line.strip_suffix(b"\r").unwrap_or(line).to_vec(),
        })
        .collect())
}
