use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hallpass_aws::{BucketError, BucketFiles, SnapshotsAt};
use hallpass_base::Clock;
use jiff::Timestamp;

use crate::failure::{QueryExit, QueryFailure};

#[derive(Clone, Debug)]
pub(super) struct SeenFile {
    pub(super) key: String,
    pub(super) modified: Timestamp,
}

#[derive(Clone, Debug)]
pub(super) enum SnapshotPlace {
    Folder(PathBuf),
    Bucket(Arc<BucketFiles>),
}

struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "requests are signed by the clock of this machine, corrected by what AWS answers"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

impl fmt::Display for SnapshotPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Bucket(bucket) => f.write_str(&bucket.name()),
        }
    }
}

impl SnapshotPlace {
    pub(super) async fn open(at: &SnapshotsAt) -> Result<Self, QueryFailure> {
        match at {
            SnapshotsAt::Folder(path) => Ok(Self::Folder(path.clone())),
            SnapshotsAt::Bucket(place) => {
                let seed = getrandom::u64().map_err(QueryFailure::bug)?;
                let clock = Arc::new(SystemClock);
                // boxed: finding credentials is a large future
                let opened = Box::pin(BucketFiles::open(place.clone(), clock, seed)).await;
                let bucket = opened.map_err(QueryFailure::failed)?;
                Ok(Self::Bucket(Arc::new(bucket)))
            }
        }
    }

    pub(super) fn shown(&self, key: &str) -> String {
        match self {
            Self::Folder(path) => path.join(key).display().to_string(),
            Self::Bucket(bucket) => bucket.shown(key),
        }
    }

    /// Returns the `.json` files directly below `folder`, by key. Skips files deleted since the
    /// listing.
    pub(super) async fn documents(
        &self,
        folder: &str,
    ) -> Result<Vec<(String, Vec<u8>)>, QueryFailure> {
        let is_document = |key: &String| Path::new(key).extension().is_some_and(|it| it == "json");
        match self {
            Self::Folder(path) => {
                let at = path.join(folder);
                let entries = match fs::read_dir(&at) {
                    Ok(entries) => entries,
                    Err(error) if is_absent(&error) => return Ok(Vec::new()),
                    Err(error) => return Err(QueryFailure::unreadable(at.display(), error)),
                };
                let mut found = Vec::new();
                for entry in entries {
                    let entry = entry.map_err(|it| QueryFailure::unreadable(at.display(), it))?;
                    let key = format!("{folder}/{}", entry.file_name().to_string_lossy());
                    if !is_document(&key) {
                        continue;
                    }
                    match fs::read(entry.path()) {
                        Ok(bytes) => found.push((key, bytes)),
                        Err(error) if is_absent(&error) => {}
                        Err(error) => {
                            return Err(QueryFailure::unreadable(self.shown(&key), error));
                        }
                    }
                }
                found.sort();
                Ok(found)
            }
            Self::Bucket(bucket) => {
                let listed = bucket.list(&format!("{folder}/")).await.map_err(unread)?;
                let keys = listed.into_iter().map(|it| it.key).filter(is_document);
                bucket.get_all(keys.collect()).await.map_err(unread)
            }
        }
    }

    pub(super) async fn files(&self) -> Result<Vec<SeenFile>, QueryFailure> {
        match self {
            Self::Folder(path) => {
                let mut found = Vec::new();
                let listed = list_below(path, "", &mut found);
                listed.map_err(|it| QueryFailure::unreadable(path.display(), it))?;
                Ok(found)
            }
            Self::Bucket(bucket) => {
                let listed = bucket.list("").await.map_err(unread)?;
                let seen = listed.into_iter().map(|it| SeenFile {
                    key: it.key,
                    modified: it.modified,
                });
                Ok(seen.collect())
            }
        }
    }

    /// Removes files and empty folders. Missing files are no error.
    pub(super) async fn remove(&self, keys: &[String]) -> Result<(), QueryFailure> {
        match self {
            Self::Folder(path) => {
                for key in keys {
                    let file = path.join(key);
                    match fs::remove_file(&file) {
                        Err(error) if !is_absent(&error) => {
                            let message = format!("cannot remove `{}`: {error}", file.display());
                            return Err(QueryFailure::failed(message));
                        }
                        _ => {}
                    }
                    // removes the folders of a run and its day; table folders stay
                    let above = Path::new(key).ancestors().skip(1);
                    for folder in above.filter(|it| it.components().count() > 1) {
                        let _ = fs::remove_dir(path.join(folder));
                    }
                }
                Ok(())
            }
            Self::Bucket(bucket) => bucket.remove(keys).await.map_err(failed),
        }
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::NotFound
}

fn list_below(root: &Path, below: &str, found: &mut Vec<SeenFile>) -> std::io::Result<()> {
    let entries = match fs::read_dir(root.join(below)) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let key = if below.is_empty() {
            name.into_owned()
        } else {
            format!("{below}/{name}")
        };
        // links are not followed: Hallpass does not own their targets
        let about = match entry.metadata() {
            Ok(about) => about,
            Err(error) if is_absent(&error) => continue,
            Err(error) => return Err(error),
        };
        if about.is_dir() {
            list_below(root, &key, found)?;
        } else if let Ok(modified) = about.modified().map(Timestamp::try_from) {
            let modified = modified.map_err(std::io::Error::other)?;
            found.push(SeenFile { key, modified });
        }
    }
    Ok(())
}

pub(super) fn unread(error: BucketError) -> QueryFailure {
    let exit = if error.is_passing {
        QueryExit::Failed
    } else {
        QueryExit::BadInput
    };
    QueryFailure::new(exit, error.to_string()).help(error.help)
}

pub(super) fn failed(error: BucketError) -> QueryFailure {
    QueryFailure::failed(error.to_string()).help(error.help)
}
