//! `[alerts]`: rules over queries of snapshots, which the server runs.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Loaded;
use crate::exit::Failure;
use crate::snapshots_at::SnapshotsAt;

/// Where `hallpass sync` writes to unless it is told, beside the configuration.
const SNAPSHOTS: &str = "snapshots";

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Alerts {
    file: Option<PathBuf>,
}

impl Loaded {
    /// The file of rules; `None` where the server runs none.
    pub(crate) fn alert_file(&self) -> Option<PathBuf> {
        self.config.alerts.file.as_ref().map(|it| self.path(it))
    }

    /// Where the snapshots are that the pages show; `None` where that is not configured.
    ///
    /// # Errors
    /// When it is no place.
    pub(crate) fn snapshots(&self) -> Result<Option<SnapshotsAt>, Failure> {
        let place = self.config.inventory.snapshots.as_deref();
        place
            .map(|it| match it.parse() {
                Ok(SnapshotsAt::Folder(path)) => Ok(SnapshotsAt::Folder(self.path(&path))),
                Ok(bucket) => Ok(bucket),
                Err(why) => Err(Failure::bad_input(format!("`inventory.snapshots`: {why}"))),
            })
            .transpose()
    }

    /// Where the snapshots are that rules are run over.
    ///
    /// # Errors
    /// When it is no place.
    pub(crate) fn alerted_snapshots(&self) -> Result<SnapshotsAt, Failure> {
        let beside = || SnapshotsAt::Folder(self.path(Path::new(SNAPSHOTS)));
        Ok(self.snapshots()?.unwrap_or_else(beside))
    }
}
