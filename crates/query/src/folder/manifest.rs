//! The manifest of a snapshot: what is known of it, and which files belong to it. It is written last: a
//! snapshot without one does not exist.

use hallpass_inventory::SnapshotRecord;
use serde::{Deserialize, Serialize};

/// The form of manifests. A later one is refused, not misread.
const FORM: u32 = 1;

/// A manifest as it is written.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    form: u32,
    /// What is known of the snapshot.
    #[serde(flatten)]
    pub(crate) record: SnapshotRecord,
    /// Its files.
    pub(crate) files: Vec<ManifestFile>,
}

/// A file of a snapshot.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ManifestFile {
    /// The table whose rows it has.
    pub(crate) table: String,
    /// Where it lies, below the folder of snapshots.
    pub(crate) path: String,
    /// How many rows it has.
    pub(crate) rows: u64,
    /// Its length in bytes.
    pub(crate) bytes: u64,
}

impl Manifest {
    pub(crate) fn new(record: SnapshotRecord, files: Vec<ManifestFile>) -> Self {
        Self {
            form: FORM,
            record,
            files,
        }
    }

    /// The files of a table.
    pub(crate) fn files_of(&self, table: &str) -> impl Iterator<Item = &ManifestFile> {
        self.files.iter().filter(move |it| it.table == table)
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Form {
            form: u32,
        }
        let form: Form = serde_json::from_slice(text).map_err(|it| it.to_string())?;
        if form.form > FORM {
            return Err("it was written by a newer hallpass".to_owned());
        }
        serde_json::from_slice(text).map_err(|it| it.to_string())
    }
}
