//! Which files were read: a line for each, in a list for each run that the table says counts (`inventory.md` H-24).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use hallpass_activity::{ActivityManifest, FileLook};
use hallpass_terminal::exit::Failure;
use serde::{Deserialize, Serialize};

/// A file that was read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ReadSource {
    pub(super) path: String,
    pub(super) sha256: String,
    #[serde(flatten)]
    pub(super) look: FileLook,
    pub(super) records: u64,
}

/// All that were read.
#[derive(Debug, Default)]
pub(super) struct SourceLedger {
    by_path: BTreeMap<String, (String, FileLook)>,
    hashes: BTreeSet<String>,
}

/// What is known of a file by its look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KnownSource {
    /// It was read as it is.
    Read,
    /// Its bytes have to be looked at.
    Unsure,
}

/// What is known of a file by its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KnownBytes {
    /// They were read, here or elsewhere.
    Read,
    /// Something else was read from this file.
    Changed,
    /// Nobody read them.
    New,
}

impl SourceLedger {
    /// The lists that count.
    ///
    /// # Errors
    /// When a list cannot be read: which files were read before is then not known.
    pub(super) fn read(
        folder: &Path,
        manifest: Option<&ActivityManifest>,
    ) -> Result<Self, Failure> {
        let mut ledger = Self::default();
        for run in manifest.into_iter().flat_map(|it| &it.read_by) {
            let path = folder.join(ActivityManifest::sources_of(run));
            let text = fs::read_to_string(&path)
                .map_err(|error| Failure::unreadable(path.display(), &error))?;
            for line in text.lines() {
                let source: ReadSource = serde_json::from_str(line).map_err(|error| {
                    Failure::bad_input(format!("cannot read `{}`: {error}", path.display()))
                })?;
                ledger.note(&source);
            }
        }
        Ok(ledger)
    }

    /// Where each file lay.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.by_path.keys().map(String::as_str)
    }

    pub(super) fn by_look(&self, path: &str, look: FileLook) -> KnownSource {
        match self.by_path.get(path) {
            Some((_, known)) if *known == look => KnownSource::Read,
            Some(_) | None => KnownSource::Unsure,
        }
    }

    pub(super) fn by_bytes(&self, path: &str, sha256: &str) -> KnownBytes {
        match self.by_path.get(path) {
            Some((known, _)) if known != sha256 => KnownBytes::Changed,
            Some(_) => KnownBytes::Read,
            None if self.hashes.contains(sha256) => KnownBytes::Read,
            None => KnownBytes::New,
        }
    }

    pub(super) fn note(&mut self, source: &ReadSource) {
        let known = (source.sha256.clone(), source.look);
        self.by_path.insert(source.path.clone(), known);
        self.hashes.insert(source.sha256.clone());
    }
}
