//! The snapshot folder (`inventory.md` §1): `TABLE/dt=YYYY-MM-DD/run=ID/part-N.parquet`, and a
//! manifest for each under `_manifests/`; local or in a bucket. The manifest is written last. Files
//! never change afterwards.

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

/// Parquet readers ignore folders that begin with `_`.
const MANIFESTS: &str = "_manifests";

/// JSON documents with the access in a snapshot: `ID.json`.
const ACCESS: &str = "_access";

const WRITING: &str = "_writing";

pub(crate) const KEPT_IN_BUCKET: &str = "snapshots://kept/";

/// A local or bucket folder; it need not exist yet.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotFolder {
    place: SnapshotPlace,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WhichSnapshot {
    Newest,
    Previous,
    Day(Date),
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
    pub(crate) async fn open(at: &SnapshotsAt) -> Result<Self, QueryFailure> {
        let place = SnapshotPlace::open(at).await?;
        Ok(Self { place })
    }

    /// Returns all manifests, oldest first.
    ///
    /// # Errors
    /// A manifest is unreadable. It must not pass for a missing snapshot.
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

    /// Reads only the columns needed to compute access.
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

    pub(crate) async fn rows(
        &self,
        manifest: &Manifest,
        table: &InventoryTable,
    ) -> Result<Option<Vec<TableRow>>, QueryFailure> {
        self.rows_of(manifest, table, None).await
    }

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

    pub(crate) async fn batches(
        &self,
        file: &ManifestFile,
    ) -> Result<ParquetRecordBatchReader, QueryFailure> {
        self.batches_of(file, None).await
    }

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

    pub(crate) fn broken(
        &self,
        file: &ManifestFile,
        error: &dyn std::fmt::Display,
    ) -> QueryFailure {
        QueryFailure::unreadable(self.place.shown(&file.path), error)
    }
}

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
