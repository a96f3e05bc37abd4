//! The folder of snapshots (`inventory.md` §1): `TABLE/dt=YYYY-MM-DD/run=ID/part-0.parquet`, and a
//! manifest for each under `_manifests/`. Files are written elsewhere, moved to their place, and never
//! touched again.

mod activity;
pub(crate) mod columns;
mod manifest;
mod write;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use hallpass_inventory::{
    InventoryTable, Snapshot, SnapshotId, SnapshotRecord, SnapshotState, TABLES, TableRow, table,
};
use jiff::civil::Date;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

pub(crate) use manifest::Manifest;

use crate::failure::QueryFailure;

/// Where manifests lie. Readers of Parquet leave folders alone that begin with `_`.
const MANIFESTS: &str = "_manifests";

/// Where it lies what snapshots say of access, for readers of JSON: `ID.json`.
const ACCESS: &str = "_access";

/// Where files lie that are not finished.
const WRITING: &str = "_writing";

/// A folder with snapshots; it need not be there yet.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotFolder {
    path: PathBuf,
}

/// Which snapshot is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WhichSnapshot {
    /// The newest that can be used.
    Newest,
    /// The one before the newest.
    Previous,
    /// The newest of a day, in UTC.
    Day(Date),
    /// This one.
    Id(SnapshotId),
}

impl std::str::FromStr for WhichSnapshot {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "newest" => Ok(Self::Newest),
            "previous" => Ok(Self::Previous),
            text => match (text.parse(), text.parse()) {
                (Ok(id), _) => Ok(Self::Id(id)),
                (_, Ok(day)) => Ok(Self::Day(day)),
                _ => Err("an id, a day such as 2026-11-20, `previous` or `newest`".to_owned()),
            },
        }
    }
}

impl SnapshotFolder {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The manifests of all snapshots, the oldest first.
    ///
    /// # Errors
    /// When one cannot be read: a snapshot that cannot be read is not one that is not there.
    pub(crate) fn list(&self) -> Result<Vec<Manifest>, QueryFailure> {
        let folder = self.path.join(MANIFESTS);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(QueryFailure::unreadable(folder.display(), error)),
        };
        let mut manifests = BTreeMap::new();
        for entry in entries {
            let path = entry
                .map_err(|it| QueryFailure::unreadable(folder.display(), it))?
                .path();
            if path.extension().is_none_or(|it| it != "json") {
                continue;
            }
            let broken =
                |error: &dyn std::fmt::Display| QueryFailure::unreadable(path.display(), error);
            let text = fs::read_to_string(&path).map_err(|it| broken(&it))?;
            let manifest = Manifest::parse(&text).map_err(|it| broken(&it))?;
            manifests.insert(manifest.record.id.clone(), manifest);
        }
        Ok(manifests.into_values().collect())
    }

    /// One snapshot of all.
    ///
    /// # Errors
    /// When there is none such.
    pub(crate) fn pick<'a>(
        &self,
        manifests: &'a [Manifest],
        which: &WhichSnapshot,
    ) -> Result<&'a Manifest, QueryFailure> {
        let usable = |it: &&Manifest| it.record.state() != SnapshotState::Failed;
        let found = match which {
            WhichSnapshot::Newest => manifests.iter().rev().find(usable),
            WhichSnapshot::Previous => manifests.iter().rev().filter(usable).nth(1),
            WhichSnapshot::Day(day) => {
                let day = day.to_string();
                let mut of_day = manifests
                    .iter()
                    .rev()
                    .filter(|it| it.record.id.day() == day);
                of_day.find(usable)
            }
            WhichSnapshot::Id(id) => manifests.iter().find(|it| it.record.id == *id),
        };
        found.ok_or_else(|| {
            let folder = self.path.display();
            let message = match which {
                WhichSnapshot::Newest => format!("there is no snapshot in `{folder}`"),
                WhichSnapshot::Previous => format!("there is no earlier snapshot in `{folder}`"),
                WhichSnapshot::Day(day) => format!("there is no snapshot of {day} in `{folder}`"),
                WhichSnapshot::Id(id) => format!("there is no snapshot `{id}` in `{folder}`"),
            };
            QueryFailure::bad_input(message)
                .help("`hallpass snapshots list` shows those that are there")
        })
    }

    /// The files of a table in a snapshot.
    pub(crate) fn files(&self, manifest: &Manifest, table: &str) -> Vec<PathBuf> {
        let files = manifest.files.iter().filter(|it| it.table == table);
        files.map(|it| self.path.join(&it.path)).collect()
    }

    /// A snapshot with all of its rows.
    ///
    /// # Errors
    /// When a file of it cannot be read.
    pub(crate) fn read(&self, manifest: &Manifest) -> Result<Snapshot, QueryFailure> {
        let all: Vec<&str> = TABLES.iter().map(|it| it.name).collect();
        self.read_tables(manifest, &all)
    }

    /// A snapshot with the rows of these tables.
    ///
    /// # Errors
    /// When a file of it cannot be read.
    pub(crate) fn read_tables(
        &self,
        manifest: &Manifest,
        tables: &[&str],
    ) -> Result<Snapshot, QueryFailure> {
        let mut rows = BTreeMap::new();
        for table in tables.iter().filter_map(|name| table(name)) {
            if let Some(of_table) = self.rows(manifest, table)? {
                rows.insert(table.name, of_table);
            }
        }
        Ok(Snapshot {
            record: manifest.record.clone(),
            rows,
        })
    }

    /// The rows of a table in a snapshot; `None` where it has no file.
    ///
    /// # Errors
    /// When a file of it cannot be read.
    pub(crate) fn rows(
        &self,
        manifest: &Manifest,
        table: &InventoryTable,
    ) -> Result<Option<Vec<TableRow>>, QueryFailure> {
        let files = self.files(manifest, table.name);
        if files.is_empty() {
            return Ok(None);
        }
        let mut rows = Vec::new();
        for file in files {
            let failure =
                |error: &dyn std::fmt::Display| QueryFailure::unreadable(file.display(), error);
            let opened = File::open(&file).map_err(|it| failure(&it))?;
            let reader = ParquetRecordBatchReaderBuilder::try_new(opened);
            let reader = reader.and_then(ParquetRecordBatchReaderBuilder::build);
            for batch in reader.map_err(|it| failure(&it))? {
                let batch = batch.map_err(|it| failure(&it))?;
                rows.extend::<Vec<TableRow>>(columns::rows(table, &batch));
            }
        }
        Ok(Some(rows))
    }

    /// Takes all but the newest `keep` snapshots away, and what was left half written; answers those
    /// that went.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub(crate) fn prune(&self, keep: usize) -> Result<Vec<SnapshotRecord>, QueryFailure> {
        let mut manifests = self.list()?;
        let old = manifests.len().saturating_sub(keep);
        manifests.truncate(old);
        for manifest in &manifests {
            // first the manifest: without it nobody takes the files for a snapshot
            for path in [
                self.manifest_path(&manifest.record.id),
                self.access_path(&manifest.record.id),
            ] {
                gone(&path, fs::remove_file(&path))?;
            }
            for file in &manifest.files {
                let path = self.path.join(&file.path);
                gone(&path, fs::remove_file(&path))?;
                // the folders of the run and of its day, if nothing else is in them
                for folder in path.ancestors().skip(1).take(2) {
                    let _ = fs::remove_dir(folder);
                }
            }
        }
        let writing = self.path.join(WRITING);
        gone(&writing, fs::remove_dir_all(&writing))?;
        Ok(manifests.into_iter().map(|it| it.record).collect())
    }

    fn access_path(&self, id: &SnapshotId) -> PathBuf {
        self.path.join(ACCESS).join(format!("{id}.json"))
    }

    fn manifest_path(&self, id: &SnapshotId) -> PathBuf {
        self.path.join(MANIFESTS).join(format!("{id}.json"))
    }
}

/// What came of removing something; it may have been gone already.
fn gone(path: &Path, removed: std::io::Result<()>) -> Result<(), QueryFailure> {
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            let message = format!("cannot remove `{}`: {error}", path.display());
            Err(QueryFailure::failed(message))
        }
        _ => Ok(()),
    }
}
