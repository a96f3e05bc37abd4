//! `[guard]`: the process that ends what is overdue when the server does not, and what the server
//! reads of it.

use std::path::PathBuf;

use hallpass_audit::PublicKey;
use hallpass_guard::Trust;
use hallpass_model::Span;
use serde::Deserialize;

use super::{ExportPlace, Loaded, Time};
use crate::exit::Failure;

/// The name of the file of ends in the export's folder.
const ENDS: &str = "ends.jsonl";

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct GuardTable {
    pub(crate) name: String,
    pub(crate) journal: Option<PathBuf>,
    pub(crate) ends: Option<PathBuf>,
    pub(crate) public_key: Option<String>,
    pub(crate) bound: Time,
    pub(crate) listen: Option<String>,
    pub(crate) role_arn: Option<String>,
    pub(crate) external_id: Option<String>,
}

impl Default for GuardTable {
    fn default() -> Self {
        Self {
            name: "guard".into(),
            journal: None,
            ends: None,
            public_key: None,
            bound: Time(Span::minutes(1)),
            listen: None,
            role_arn: None,
            external_id: None,
        }
    }
}

impl Loaded {
    /// The folder of guards' journals; `None` when no guard is expected.
    pub(crate) fn guard_journal(&self) -> Option<PathBuf> {
        let journal = self.config.guard.journal.as_ref();
        journal.map(|folder| self.path(folder))
    }

    /// The file of ends: as configured, or in the folder that is exported to.
    pub(crate) fn ends_file(&self) -> Result<Option<PathBuf>, Failure> {
        if let Some(path) = &self.config.guard.ends {
            return Ok(Some(self.path(path)));
        }
        Ok(match self.export()?.map(|export| export.place) {
            Some(ExportPlace::Folder(folder)) => Some(folder.join(ENDS)),
            // the file is written anew as it changes, which objects under a lock cannot be
            Some(ExportPlace::Bucket(_)) | None => None,
        })
    }

    /// Which files of ends a guard believes.
    pub(crate) fn guard_trust(&self) -> Result<Trust, Failure> {
        match &self.config.guard.public_key {
            None => Ok(Trust::Anyone),
            Some(text) => match text.parse::<PublicKey>() {
                Ok(key) => Ok(Trust::Key(key)),
                Err(fault) => Err(Failure::bad_input(format!("`guard.public_key`: {fault}"))
                    .help("`hallpass audit key` on the server's machine prints it")),
            },
        }
    }

    /// The name of the guard that runs with this configuration.
    pub(crate) fn guard_name(&self) -> Result<&str, Failure> {
        let name = self.config.guard.name.as_str();
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if !name.is_empty() && name.len() <= 64 && name.chars().all(fits) {
            return Ok(name);
        }
        Err(Failure::bad_input(format!("`guard.name` is `{name}`"))
            .help("up to 64 letters, digits, `-` and `_`: files and records are named by it"))
    }
}
