//! Where snapshots are: a folder, or a place in a bucket. Their tables are the companion's; what is read here are the
//! names of manifests and the documents beside them.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

pub use hallpass_aws::SnapshotsAt;
use hallpass_aws::{BucketError, BucketFiles, BucketPlace};
use hallpass_base::clock::SystemClock;
use hallpass_terminal::exit::Failure;

/// Which snapshots a command writes or reads.
#[derive(Clone, Debug, clap::Args)]
pub struct SnapshotsAtArgs {
    /// Where snapshots are: a folder, or `s3://bucket/prefix`
    #[arg(
        long,
        visible_alias = "snapshots",
        value_name = "PLACE",
        default_value = "snapshots"
    )]
    pub folder: SnapshotsAt,
}

/// A place that can be read.
pub enum OpenSnapshots {
    Folder(PathBuf),
    Bucket(Box<BucketFiles>),
}

impl OpenSnapshots {
    /// Makes ready to read there; nothing is read yet.
    ///
    /// # Errors
    /// When nothing can be asked of the bucket.
    pub async fn at(place: &SnapshotsAt) -> io::Result<Self> {
        Ok(match place {
            SnapshotsAt::Folder(path) => Self::Folder(path.clone()),
            SnapshotsAt::Bucket(place) => {
                let opened = bucket(place).await.map_err(io::Error::other)?;
                Self::Bucket(Box::new(opened))
            }
        })
    }

    /// The names of the files right below `folder`; none where there is no such folder.
    ///
    /// # Errors
    /// When they cannot be listed.
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

    /// A file, whole.
    ///
    /// # Errors
    /// When it cannot be read.
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

/// The files of a place in a bucket, by the environment of the AWS CLI.
///
/// # Errors
/// When there is no TLS.
pub async fn bucket(place: &BucketPlace) -> Result<BucketFiles, String> {
    let clock = Arc::new(SystemClock);
    // finding credentials is a large future
    Box::pin(BucketFiles::open(place.clone(), clock, fastrand::u64(..))).await
}

/// What a bucket did not do, for people.
pub fn bucket_failure(error: &BucketError) -> Failure {
    Failure::failed(error.to_string()).help(error.help.clone())
}
