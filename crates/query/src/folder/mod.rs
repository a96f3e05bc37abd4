//! The folder of snapshots (`inventory.md` §1): `TABLE/dt=YYYY-MM-DD/run=ID/part-N.parquet`, and a
//! manifest for each under `_manifests/`; in a folder of this machine or in a bucket. The manifest is
//! written last, and nothing is touched again.

mod activity;
pub(crate) mod columns;
mod manifest;
mod objects;
mod place;
mod prune;
mod write;

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::object_store::ObjectStore;

use hallpass_inventory::{
    AccessSnapshot, InventoryTable, OutsideAccess, Snapshot, SnapshotId, SnapshotState, TABLES,
    TableRow, table,
};
use jiff::civil::Date;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::reader::ChunkReader;

pub(crate) use activity::ActivityFolder;
pub(crate) use hallpass_aws::SnapshotsAt;
pub(crate) use manifest::{Manifest, ManifestFile};
pub(crate) use prune::going;

use crate::failure::QueryFailure;
use objects::NamedFiles;
use place::{SnapshotPlace, unread};

/// Where manifests lie. Readers of Parquet leave folders alone that begin with `_`.
const MANIFESTS: &str = "_manifests";

/// Where the JSON documents lie that say who has which access in a snapshot: `ID.json`.
const ACCESS: &str = "_access";

/// Where files lie that are not finished.
const WRITING: &str = "_writing";

/// What the engine calls the place of files that lie in a bucket.
pub(crate) const KEPT_IN_BUCKET: &str = "snapshots://kept/";

/// A folder with snapshots, wherever it is; it need not be there yet.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotFolder {
    place: SnapshotPlace,
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
    /// Finds it; what is in it is not looked at yet.
    ///
    /// # Errors
    /// When nothing can be asked of the bucket.
    pub(crate) async fn open(at: &SnapshotsAt) -> Result<Self, QueryFailure> {
        let place = SnapshotPlace::open(at).await?;
        Ok(Self { place })
    }

    /// The manifests of all snapshots, the oldest first.
    ///
    /// # Errors
    /// When one cannot be read: a snapshot that cannot be read is not one that is not there.
    pub(crate) async fn list(&self) -> Result<Vec<Manifest>, QueryFailure> {
        let mut manifests = BTreeMap::new();
        for (key, bytes) in self.place.documents(MANIFESTS).await? {
            let manifest = Manifest::parse(&bytes);
            let manifest =
                manifest.map_err(|it| QueryFailure::unreadable(self.place.shown(&key), it))?;
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
            let folder = &self.place;
            let message = match which {
                WhichSnapshot::Newest => format!("there is no snapshot in `{folder}`"),
                WhichSnapshot::Previous => format!("there is no earlier snapshot in `{folder}`"),
                WhichSnapshot::Day(day) => format!("there is no snapshot of {day} in `{folder}`"),
                WhichSnapshot::Id(id) => format!("there is no snapshot `{id}` in `{folder}`"),
            };
            QueryFailure::bad_input(message)
                .help("`hallpass query snapshots list` shows those that are there")
        })
    }

    /// The files of a table in a snapshot, as the engine calls them.
    ///
    /// # Errors
    /// When the folder of this process is gone.
    pub(crate) fn urls(&self, manifest: &Manifest, table: &str) -> std::io::Result<Vec<String>> {
        let url = |file: &ManifestFile| match &self.place {
            SnapshotPlace::Folder(path) => {
                let path = std::path::absolute(path.join(&file.path))?;
                Ok(path.to_string_lossy().into_owned())
            }
            SnapshotPlace::Bucket(_) => Ok(format!("{KEPT_IN_BUCKET}{}", file.path)),
        };
        manifest.files_of(table).map(url).collect()
    }

    /// What the engine reads these snapshots by, where that is not the file system.
    pub(crate) fn objects(&self, manifests: &[Manifest]) -> Option<Arc<dyn ObjectStore>> {
        let SnapshotPlace::Bucket(bucket) = &self.place else {
            return None;
        };
        let files = manifests.iter().flat_map(|it| &it.files);
        let lengths = files.map(|it| (it.path.as_str().into(), it.bytes));
        Some(Arc::new(NamedFiles {
            bucket: Arc::clone(bucket),
            lengths: lengths.collect(),
        }))
    }

    /// A snapshot with all of its rows.
    ///
    /// # Errors
    /// When a file of it cannot be read.
    pub(crate) async fn read(&self, manifest: &Manifest) -> Result<Snapshot, QueryFailure> {
        let mut rows = BTreeMap::new();
        for table in TABLES.iter() {
            if let Some(of_table) = self.rows(manifest, table).await? {
                rows.insert(table.name, of_table);
            }
        }
        Ok(Snapshot {
            record: manifest.record.clone(),
            rows,
        })
    }

    /// A snapshot with as much of its rows as who can reach what is worked out from: of other columns nothing is read.
    ///
    /// # Errors
    /// When a file of it cannot be read.
    pub(crate) async fn read_access(&self, manifest: &Manifest) -> Result<Snapshot, QueryFailure> {
        let mut rows = BTreeMap::new();
        let of_graph = AccessSnapshot::TABLES.map(|it| (it, AccessSnapshot::columns(it)));
        let outside = (OutsideAccess::TABLE, OutsideAccess::COLUMNS);
        for (name, columns) in of_graph.into_iter().chain([outside]) {
            let Some(table) = table(name) else { continue };
            if let Some(of_table) = self.rows_of(manifest, table, Some(columns)).await? {
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
    pub(crate) async fn rows(
        &self,
        manifest: &Manifest,
        table: &InventoryTable,
    ) -> Result<Option<Vec<TableRow>>, QueryFailure> {
        self.rows_of(manifest, table, None).await
    }

    /// The same, with no value in columns besides these.
    async fn rows_of(
        &self,
        manifest: &Manifest,
        table: &InventoryTable,
        wanted: Option<&[&str]>,
    ) -> Result<Option<Vec<TableRow>>, QueryFailure> {
        let (mut rows, mut files) = (Vec::new(), 0);
        for file in manifest.files_of(table.name) {
            for batch in self.batches_of(file, wanted).await? {
                let batch = batch.map_err(|it| self.broken(file, &it))?;
                rows.extend::<Vec<TableRow>>(columns::rows(table, &batch));
            }
            files += 1;
        }
        Ok((files > 0).then_some(rows))
    }

    /// The rows of a file, some at a time.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) async fn batches(
        &self,
        file: &ManifestFile,
    ) -> Result<ParquetRecordBatchReader, QueryFailure> {
        self.batches_of(file, None).await
    }

    /// The same of these columns alone.
    async fn batches_of(
        &self,
        file: &ManifestFile,
        wanted: Option<&[&str]>,
    ) -> Result<ParquetRecordBatchReader, QueryFailure> {
        let reader = match &self.place {
            SnapshotPlace::Folder(path) => {
                let opened = File::open(path.join(&file.path));
                let opened = opened.map_err(|it| self.broken(file, &it))?;
                ParquetRecordBatchReaderBuilder::try_new(opened).and_then(|it| reader(it, wanted))
            }
            SnapshotPlace::Bucket(bucket) => {
                let bytes = bucket.range(&file.path, 0..file.bytes).await;
                let bytes = Bytes::from(bytes.map_err(unread)?);
                ParquetRecordBatchReaderBuilder::try_new(bytes).and_then(|it| reader(it, wanted))
            }
        };
        reader.map_err(|it| self.broken(file, &it))
    }

    /// What a file that cannot be read is told as.
    pub(crate) fn broken(
        &self,
        file: &ManifestFile,
        error: &dyn std::fmt::Display,
    ) -> QueryFailure {
        QueryFailure::unreadable(self.place.shown(&file.path), error)
    }
}

/// A reader of these columns, or of all.
fn reader<F: ChunkReader + 'static>(
    builder: ParquetRecordBatchReaderBuilder<F>,
    wanted: Option<&[&str]>,
) -> parquet::errors::Result<ParquetRecordBatchReader> {
    let Some(wanted) = wanted else {
        return builder.build();
    };
    let mask = ProjectionMask::columns(builder.parquet_schema(), wanted.iter().copied());
    builder.with_projection(mask).build()
}

fn access_key(id: &SnapshotId) -> String {
    format!("{ACCESS}/{id}.json")
}

fn manifest_key(id: &SnapshotId) -> String {
    format!("{MANIFESTS}/{id}.json")
}

impl std::fmt::Display for SnapshotFolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.place.fmt(f)
    }
}
