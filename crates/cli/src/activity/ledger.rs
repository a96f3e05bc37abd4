//! Files that were read: one line each, in a list per run that the table includes (`inventory.md`
//! H-24).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use hallpass_activity::{ActivityManifest, FileLook};
use hallpass_terminal::exit::Failure;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ReadSource {
    pub(super) path: String,
    pub(super) sha256: String,
    #[serde(flatten)]
    pub(super) look: FileLook,
    pub(super) records: u64,
}

#[derive(Debug, Default)]
pub(super) struct SourceLedger {
    by_path: BTreeMap<String, (String, FileLook)>,
    hashes: BTreeSet<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KnownSource {
    Read,
    Unsure,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KnownBytes {
    Read,
    Changed,
    New,
}

impl SourceLedger {
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
