use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::log_files::LogPlace;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogSource {
    Place(LogPlace),
    /// CloudTrail's event history, queried event by event.
    Lookup,
}

impl FromStr for LogSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("dir:") {
            Some("") => Err("name a folder after `dir:`".to_owned()),
            Some(folder) => Ok(Self::Place(LogPlace::Folder(folder.into()))),
            None if text.starts_with("s3://") => text.parse().map(Self::Place),
            None if text == "lookup" => Ok(Self::Lookup),
            None => Err("write `lookup`, `s3://bucket/prefix`, or `dir:` and a folder".to_owned()),
        }
    }
}

impl LogSource {
    /// Resolves a relative folder with `path`, against the configuration file.
    #[must_use]
    pub fn beside(self, path: impl FnOnce(&Path) -> PathBuf) -> Self {
        match self {
            Self::Place(LogPlace::Folder(folder)) => Self::Place(LogPlace::Folder(path(&folder))),
            other => other,
        }
    }

    pub fn words(&self) -> String {
        match self {
            Self::Place(LogPlace::Folder(folder)) => format!("dir:{}", folder.display()),
            Self::Place(place @ LogPlace::Bucket(_)) => place.to_string(),
            Self::Lookup => "lookup".to_owned(),
        }
    }
}
