use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::objects::BucketPlace;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotsAt {
    Folder(PathBuf),
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
    pub fn argument(&self) -> OsString {
        match self {
            Self::Folder(path) => path.clone().into_os_string(),
            Self::Bucket(_) => self.to_string().into(),
        }
    }

    pub fn folder(&self) -> Option<PathBuf> {
        match self {
            Self::Folder(path) => Some(path.clone()),
            Self::Bucket(_) => None,
        }
    }

    pub fn is_remote(&self) -> bool {
        match self {
            Self::Folder(_) => false,
            Self::Bucket(_) => true,
        }
    }
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
