//! Exports in a folder: written whole or not at all, and read back for verification.

use std::fs;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use hallpass_audit::{ExportTarget, Head, Input, SinkError};

/// How deep an export's folders may nest: a prefix, then year, month and day.
const DEPTH_MAX: u32 = 32;
/// The folder published heads lie in.
const HEADS: &str = "heads";

/// An export that could not be read back.
#[derive(Debug, thiserror::Error)]
pub enum ReadExportError {
    /// A file or folder cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A published head that is none.
    #[error("`{}` is not a published head", path.display())]
    NotAHead {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// Folders in folders without end.
    #[error("`{}` lies more than {DEPTH_MAX} folders deep", path.display())]
    TooDeep {
        /// Which.
        path: PathBuf,
    },
}

/// The target `dir:PATH`: an object's key is its path below the folder.
#[derive(Clone, Debug)]
pub struct FolderTarget {
    root: PathBuf,
}

impl FolderTarget {
    /// A target below `root`, which is made when it is first written to.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn place(&self, key: &str) -> Result<PathBuf, SinkError> {
        let path = Path::new(key);
        let is_below = path
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if key.is_empty() || key.ends_with('/') || !is_below {
            return Err(SinkError {
                place: key.to_owned(),
                message: "not a path below the export folder".to_owned(),
            });
        }
        Ok(self.root.join(path))
    }
}

#[async_trait]
impl ExportTarget for FolderTarget {
    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), SinkError> {
        let (path, bytes) = (self.place(key)?, bytes.to_vec());
        let place = path.display().to_string();
        let failed = |message: String| SinkError { place, message };
        match tokio::task::spawn_blocking(move || write_whole(&path, &bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(error) => Err(failed(format!("interrupted: {error}"))),
        }
    }
}

/// Tells writers of one process apart, so that none renames what another is still writing.
static WRITES: AtomicU64 = AtomicU64::new(0);

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make_folder(folder)?;
    // the name does not end in `.json`: a half-written file is never taken for an object
    let mut partial = path.as_os_str().to_owned();
    let write = WRITES.fetch_add(1, Ordering::Relaxed);
    partial.push(format!(".{}-{write}.partial", std::process::id()));
    let partial = PathBuf::from(partial);
    let written = write_through(&partial, bytes)
        // CRASH: before this line the object is absent or as it was, after it whole
        .and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        drop(fs::remove_file(&partial));
    }
    written.and_then(|()| fs::File::open(folder)?.sync_all())
}

fn write_through(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes a folder and those above it, so that they survive a loss of power as their files do.
fn make_folder(folder: &Path) -> io::Result<()> {
    let absent: Vec<&Path> = folder
        .ancestors()
        .take_while(|it| !it.as_os_str().is_empty() && !it.exists())
        .collect();
    fs::create_dir_all(folder)?;
    for made in absent {
        let above = made.parent().filter(|it| !it.as_os_str().is_empty());
        fs::File::open(above.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

/// Reads an export: a folder of objects (`<prefix>/<YYYY>/<MM>/<DD>/<uuid>.json`, published heads
/// below a folder `heads`), or one file with a record per line. Judges nothing: pass the result to
/// [`hallpass_audit::verify`].
///
/// # Errors
/// When something in it cannot be read (promise P9: it is not shown as a shorter log).
pub fn read_export(path: &Path) -> Result<(Vec<Input>, Vec<Head>), ReadExportError> {
    let metadata = fs::metadata(path).map_err(|source| unreadable(path, source))?;
    if metadata.is_dir() {
        let mut found = (Vec::new(), Vec::new());
        read_folder(path, Kind::Objects, 0, &mut found)?;
        Ok(found)
    } else {
        Ok((read_lines(path)?, Vec::new()))
    }
}

fn unreadable(path: &Path, source: io::Error) -> ReadExportError {
    ReadExportError::Unreadable {
        path: path.to_path_buf(),
        source,
    }
}

fn read_lines(path: &Path) -> Result<Vec<Input>, ReadExportError> {
    let bytes = fs::read(path).map_err(|source| unreadable(path, source))?;
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

/// What the files of a folder are.
#[derive(Clone, Copy)]
enum Kind {
    Objects,
    Heads,
}

fn read_folder(
    folder: &Path,
    kind: Kind,
    depth: u32,
    found: &mut (Vec<Input>, Vec<Head>),
) -> Result<(), ReadExportError> {
    if depth > DEPTH_MAX {
        return Err(ReadExportError::TooDeep {
            path: folder.to_path_buf(),
        });
    }
    let mut paths = fs::read_dir(folder)
        .and_then(|entries| {
            entries
                .map(|entry| Ok(entry?.path()))
                .collect::<io::Result<Vec<PathBuf>>>()
        })
        .map_err(|source| unreadable(folder, source))?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            let below = if path.file_name().is_some_and(|name| name == HEADS) {
                Kind::Heads
            } else {
                kind
            };
            read_folder(&path, below, depth + 1, found)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let bytes = fs::read(&path).map_err(|source| unreadable(&path, source))?;
            match kind {
                Kind::Objects => found.0.push(Input {
                    place: path.display().to_string(),
                    named: path
                        .file_stem()
                        .map(|stem| stem.to_string_lossy().into_owned()),
                    bytes,
                }),
                Kind::Heads => found.1.push(
                    serde_json::from_slice(&bytes)
                        .map_err(|source| ReadExportError::NotAHead { path, source })?,
                ),
            }
        }
    }
    Ok(())
}
