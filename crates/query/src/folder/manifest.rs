//! The manifest of a snapshot: its record and files. Written last; a snapshot without one does not
//! exist.

use hallpass_inventory::SnapshotRecord;
use serde::{Deserialize, Serialize};

/// Format version. Later versions are refused, not misread.
const FORM: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    form: u32,
    #[serde(flatten)]
    pub(crate) record: SnapshotRecord,
    pub(crate) files: Vec<ManifestFile>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ManifestFile {
    pub(crate) table: String,
    pub(crate) path: String,
    pub(crate) rows: u64,
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

    pub(crate) fn files_of(&self, table: &str) -> impl Iterator<Item = &ManifestFile> {
        self.files.iter().filter(move |it| it.table == table)
    }

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
