//! Snapshot locations: a folder or bucket prefix. Tables belong to the companion; this reads
//! manifest names and attached documents.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

pub use hallpass_aws::SnapshotsAt;
use hallpass_aws::{BucketError, BucketFiles, BucketPlace};
use hallpass_base::clock::SystemClock;
use hallpass_terminal::exit::Failure;

/// Snapshot location.
#[derive(Clone, Debug, clap::Args)]
pub struct SnapshotsAtArgs {
    /// Snapshot location: a folder, or `s3://bucket/prefix`
    #[arg(
        long,
        visible_alias = "snapshots",
        value_name = "PLACE",
        default_value = "snapshots"
    )]
    pub folder: SnapshotsAt,
}

pub enum OpenSnapshots {
    Folder(PathBuf),
    Bucket(Box<BucketFiles>),
}

impl OpenSnapshots {
    /// Prepares access without reading.
    pub async fn at(place: &SnapshotsAt) -> io::Result<Self> {
        Ok(match place {
            SnapshotsAt::Folder(path) => Self::Folder(path.clone()),
            SnapshotsAt::Bucket(place) => {
                let opened = bucket(place).await.map_err(io::Error::other)?;
                Self::Bucket(Box::new(opened))
            }
        })
    }

    /// File names directly below `folder`; empty if missing.
    pub async fn names(&self, folder: &str) -> io::Result<Vec<String>> {
        match self {
            Self::Folder(path) => {
                let entries = match fs::read_dir(path.join(folder)) {
                    Ok(entries) => entries,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                    Err(error) => return Err(error),
                };
                let names = entries.map(|it| it.map(|it| it.file_name().to_string_lossy().into()));
                names.collect()
            }
            Self::Bucket(bucket) => {
                let below = format!("{folder}/");
                let listed = bucket.list(&below).await.map_err(other)?;
                let names = listed.iter().filter_map(|it| it.key.strip_prefix(&below));
                Ok(names.map(str::to_owned).collect())
            }
        }
    }

    pub async fn read(&self, key: &str) -> io::Result<Vec<u8>> {
        match self {
            Self::Folder(path) => fs::read(path.join(key)),
            Self::Bucket(bucket) => {
                let found = bucket.get(key).await.map_err(other)?;
                found.ok_or_else(|| io::ErrorKind::NotFound.into())
            }
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn other(error: BucketError) -> io::Error {
    io::Error::other(format!("{error}; {}", error.help))
}

pub async fn bucket(place: &BucketPlace) -> Result<BucketFiles, String> {
    let clock = Arc::new(SystemClock);
    // finding credentials is a large future
    Box::pin(BucketFiles::open(place.clone(), clock, fastrand::u64(..))).await
}

pub fn bucket_failure(error: &BucketError) -> Failure {
    Failure::failed(error.to_string()).help(error.help.clone())
}
