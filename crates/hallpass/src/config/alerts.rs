//! `[alerts]`: rules over queries of snapshots, which the server runs.

use std::path::PathBuf;

use serde::Deserialize;

use super::Loaded;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Alerts {
    file: Option<PathBuf>,
    snapshots: PathBuf,
}

impl Default for Alerts {
    fn default() -> Self {
        Self {
            file: None,
            snapshots: "snapshots".into(),
        }
    }
}

impl Loaded {
    /// The file of rules; `None` where the server runs none.
    pub(crate) fn alert_file(&self) -> Option<PathBuf> {
        self.config.alerts.file.as_ref().map(|it| self.path(it))
    }

    /// The folder of snapshots.
    pub(crate) fn snapshots(&self) -> PathBuf {
        self.path(&self.config.alerts.snapshots)
    }
}
