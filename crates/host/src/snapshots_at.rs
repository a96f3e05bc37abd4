//! Where snapshots are: a folder, or a place in a bucket. Their tables are the companion's; what is read here are the
//! names of manifests and the documents beside them.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use hallpass_aws::{BucketError, BucketFiles, BucketPlace};
use hallpass_clock::SystemClock;
use hallpass_terminal::exit::Failure;

/// Where snapshots are, as typed or configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotsAt {
    /// In a folder.
    Folder(PathBuf),
    /// In a bucket, or a part of one.
    Bucket(BucketPlace),
}

impl FromStr for SnapshotsAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let place = BucketPlace::parse(text)
            .map_err(|it| format!("{it}; a folder, or `s3://bucket/prefix`"))?;
        Ok(place.map_or_else(|| Self::Folder(text.into()), Self::Bucket))
    }
}

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

impl fmt::Display for SnapshotsAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Bucket(place) if place.root.is_empty() => write!(f, "s3://{}", place.bucket),
            Self::Bucket(place) => write!(f, "s3://{}/{}", place.bucket, place.root),
        }
    }
}

impl SnapshotsAt {
    /// As the companion is told.
    pub fn argument(&self) -> OsString {
        match self {
            Self::Folder(path) => path.clone().into_os_string(),
            Self::Bucket(_) => self.to_string().into(),
        }
    }

    /// The folder; none where they are in a bucket.
    pub fn folder(&self) -> Option<PathBuf> {
        match self {
            Self::Folder(path) => Some(path.clone()),
            Self::Bucket(_) => None,
        }
    }

    /// Whether looking there costs calls of others.
    pub fn is_remote(&self) -> bool {
        match self {
            Self::Folder(_) => false,
            Self::Bucket(_) => true,
        }
    }

    /// Makes ready to read there; nothing is read yet.
    ///
    /// # Errors
    /// When nothing can be asked of the bucket.
    pub async fn open(&self) -> io::Result<OpenSnapshots> {
        Ok(match self {
            Self::Folder(path) => OpenSnapshots::Folder(path.clone()),
            Self::Bucket(place) => {
                let opened = bucket(place).await.map_err(io::Error::other)?;
                OpenSnapshots::Bucket(Box::new(opened))
            }
        })
    }
}

/// A place that can be read.
pub enum OpenSnapshots {
    Folder(PathBuf),
    Bucket(Box<BucketFiles>),
}

impl OpenSnapshots {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_and_said_as_they_are_typed() {
        for text in [
            "snapshots",
            "/var/lib/it",
            "s3://acme-kept",
            "s3://acme-kept/a/b",
        ] {
            let at: SnapshotsAt = text.parse().unwrap();
            assert_eq!(at.to_string(), text);
            assert_eq!(at.argument(), OsString::from(text));
            assert_eq!(at.is_remote(), text.starts_with("s3://"));
        }
        assert!("s3://x".parse::<SnapshotsAt>().is_err());
        assert!("s3://acme/../x".parse::<SnapshotsAt>().is_err());
    }
}
