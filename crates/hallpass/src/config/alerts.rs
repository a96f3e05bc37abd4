//! `[alerts]`: rules over queries of snapshots, which the server runs.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Loaded;

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

    /// The folder of snapshots that the pages show; `None` where none is configured.
    pub(crate) fn snapshots(&self) -> Option<PathBuf> {
        let folder = self.config.inventory.snapshots.as_ref();
        folder.map(|it| self.path(it))
    }

    /// The folder of snapshots that rules are run over.
    pub(crate) fn alerted_snapshots(&self) -> PathBuf {
        self.snapshots()
            .unwrap_or_else(|| self.path(Path::new(SNAPSHOTS)))
    }
}
