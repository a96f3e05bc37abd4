//! Access to CloudTrail logs on disk or in a trail's bucket: listing, opening, and fingerprinting
//! while reading.

pub mod log_source;

mod bucket;
mod digests;
mod disk;
mod fingerprint;
mod sources;

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use hallpass_activity::{LogFiles, trail_regions};
use hallpass_aws::BucketPlace;
use hallpass_base::AccountId;
use hallpass_terminal::exit::Failure;

use self::bucket::BucketLogs;
pub use self::digests::{DigestArgs, tell_digests};
pub use self::disk::DiskLogs;
pub use self::fingerprint::{FingerprintedLogs, Fingerprints};
pub use self::sources::{SourceFiles, files_of};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogPlace {
    Folder(PathBuf),
    Bucket(BucketPlace),
}

impl FromStr for LogPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let place = BucketPlace::parse(text)?;
        Ok(place.map_or_else(|| Self::Folder(text.into()), Self::Bucket))
    }
}

impl fmt::Display for LogPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Bucket(place) if place.root.is_empty() => write!(f, "s3://{}", place.bucket),
            Self::Bucket(place) => write!(f, "s3://{}/{}", place.bucket, place.root),
        }
    }
}

impl LogPlace {
    /// Opens the place without reading.
    ///
    /// # Errors
    /// The bucket is not accessible.
    pub fn open(&self) -> Result<Box<dyn LogFiles>, Failure> {
        Ok(match self {
            Self::Folder(path) => Box::new(DiskLogs::new(path.clone())),
            Self::Bucket(place) => Box::new(BucketLogs::open(place)?),
        })
    }

    /// Lists the Regions with logs or digests for these accounts (empty: all).
    ///
    /// # Errors
    /// Listing fails.
    pub fn regions(&self, accounts: &BTreeSet<AccountId>) -> Result<BTreeSet<String>, Failure> {
        let files = self.open()?;
        trail_regions(files.as_ref(), accounts).map_err(|error| self.unlisted(&error))
    }

    pub fn name_of(&self, path: &str) -> String {
        match self {
            Self::Folder(folder) => folder.join(path).to_string_lossy().into_owned(),
            Self::Bucket(_) => format!("{self}/{path}"),
        }
    }

    pub fn unlisted(&self, error: &std::io::Error) -> Failure {
        match self {
            Self::Folder(path) => Failure::unreadable(path.display(), error),
            Self::Bucket(_) => Failure::failed(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_and_said_as_they_are_typed() {
        for (text, file) in [
            ("trail", "trail/AWSLogs/a.json"),
            ("/srv/trail", "/srv/trail/AWSLogs/a.json"),
            ("s3://acme-trail", "s3://acme-trail/AWSLogs/a.json"),
            ("s3://acme-trail/org/", "s3://acme-trail/org/AWSLogs/a.json"),
        ] {
            let place: LogPlace = text.parse().unwrap();
            assert_eq!(place.to_string(), text.trim_end_matches('/'));
            assert_eq!(place.name_of("AWSLogs/a.json"), file);
        }
        for text in ["s3://x", "s3://acme-trail/../x", "s3://"] {
            assert!(text.parse::<LogPlace>().is_err(), "{text}");
        }
    }
}
