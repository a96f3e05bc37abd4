//! Writes a snapshot atomically.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use hallpass_aws::BucketFiles;
use hallpass_inventory::{
    AccessSnapshot, InventoryTable, Snapshot, SnapshotId, SnapshotState, TableRow, table,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::manifest::{Manifest, ManifestFile};
use super::place::{SnapshotPlace, failed};
use super::{SnapshotFolder, WRITING, access_key, columns, manifest_key};
use crate::failure::QueryFailure;

impl SnapshotFolder {
    /// Writes a snapshot.
    ///
    /// CRASH: the manifest is written last. A run that stopped earlier leaves no snapshot, and
    /// `prune` removes its files. In a folder, files are written under `_writing/ID/` and moved
    /// once all are on disk. In a bucket, each file is put in place atomically, and the manifest
    /// only if none exists.
    pub(crate) async fn write(&self, snapshot: &Snapshot) -> Result<Manifest, QueryFailure> {
        let access = access_of(snapshot)?;
        match &self.place {
            SnapshotPlace::Folder(path) => {
                FolderWriter::new(path, &snapshot.record.id).write(snapshot, access)
            }
            SnapshotPlace::Bucket(bucket) => write_to_bucket(bucket, snapshot, access).await,
        }
    }
}

struct FolderWriter<'a> {
    path: &'a Path,
    writing: PathBuf,
}

impl<'a> FolderWriter<'a> {
    fn new(path: &'a Path, id: &SnapshotId) -> Self {
        let writing = path.join(WRITING).join(id.as_str());
        Self { path, writing }
    }

    fn write(&self, snapshot: &Snapshot, access: Option<String>) -> Result<Manifest, QueryFailure> {
        let id = &snapshot.record.id;
        make_folder(&self.writing)?;
        let mut files = Vec::new();
        for (name, rows) in &snapshot.rows {
            let temporary = self.writing.join(format!("{name}.parquet"));
            let failed = |it: WriteError| QueryFailure::unwritable(temporary.display(), it);
            let bytes = write_table(&temporary, table_of(name)?, rows).map_err(failed)?;
            files.push(ManifestFile {
                table: (*name).to_owned(),
                path: part_key(name, id, 0),
                rows: rows.len() as u64,
                bytes,
            });
        }
        for file in &files {
            let from = self.writing.join(format!("{}.parquet", file.table));
            self.move_to(&from, &file.path)?;
        }
        if let Some(text) = access {
            self.write_text("access.json", &text, &access_key(id))?;
        }
        let manifest = Manifest::new(snapshot.record.clone(), files);
        let text = serde_json::to_string_pretty(&manifest).map_err(QueryFailure::bug)?;
        self.write_text("manifest.json", &text, &manifest_key(id))?;
        let _ = fs::remove_dir_all(&self.writing);
        Ok(manifest)
    }

    fn write_text(&self, name: &str, text: &str, key: &str) -> Result<(), QueryFailure> {
        let temporary = self.writing.join(name);
        write_synced(&temporary, text.as_bytes())
            .map_err(|it| QueryFailure::unwritable(temporary.display(), it))?;
        self.move_to(&temporary, key)
    }

    fn move_to(&self, from: &Path, key: &str) -> Result<(), QueryFailure> {
        let to = self.path.join(key);
        to.parent().map_or(Ok(()), make_folder)?;
        fs::rename(from, &to).map_err(|it| QueryFailure::unwritable(to.display(), it))
    }
}

async fn write_to_bucket(
    bucket: &BucketFiles,
    snapshot: &Snapshot,
    access: Option<String>,
) -> Result<Manifest, QueryFailure> {
    let id = &snapshot.record.id;
    let mut files = Vec::new();
    for (name, rows) in &snapshot.rows {
        let (table, mut left, mut number) = (table_of(name)?, rows.as_slice(), 0);
        loop {
            let key = part_key(name, id, number);
            let part = write_part(table, left, PART_BYTES);
            let (bytes, taken) =
                part.map_err(|it| QueryFailure::unwritable(bucket.shown(&key), it))?;
            files.push(ManifestFile {
                table: (*name).to_owned(),
                path: key.clone(),
                rows: taken as u64,
                bytes: bytes.len() as u64,
            });
            bucket.put(&key, bytes).await.map_err(failed)?;
            left = left.get(taken..).unwrap_or_default();
            number += 1;
            if left.is_empty() {
                break;
            }
        }
    }
    if let Some(text) = access {
        let key = access_key(id);
        let put = bucket.put(&key, text.into_bytes()).await;
        put.map_err(failed)?;
    }
    let manifest = Manifest::new(snapshot.record.clone(), files);
    let text = serde_json::to_string_pretty(&manifest).map_err(QueryFailure::bug)?;
    let key = manifest_key(id);
    let put = bucket.put_once(&key, text.into_bytes()).await;
    put.map_err(failed)?;
    Ok(manifest)
}

fn table_of(name: &str) -> Result<&'static InventoryTable, QueryFailure> {
    table(name).ok_or_else(|| QueryFailure::bug(format!("`{name}` is no table")))
}

fn part_key(table: &str, id: &SnapshotId, number: usize) -> String {
    format!("{table}/dt={}/run={id}/part-{number}.parquet", id.day())
}

/// Returns the access document, if any. Readers of access then need not link the Parquet reader.
fn access_of(snapshot: &Snapshot) -> Result<Option<String>, QueryFailure> {
    let record = &snapshot.record;
    let has_assignments = record.slices_of(ASSIGNMENTS).next().is_some();
    if !has_assignments || record.state() == SnapshotState::Failed {
        return Ok(None);
    }
    let access = AccessSnapshot::new(snapshot, &[]);
    let text = serde_json::to_string(&access).map_err(QueryFailure::bug)?;
    Ok(Some(text))
}

/// Without this table there is no access document.
const ASSIGNMENTS: &str = "aws_ssoadmin_account_assignments";

pub(super) fn make_folder(path: &Path) -> Result<(), QueryFailure> {
    fs::create_dir_all(path).map_err(|it| QueryFailure::unwritable(path.display(), it))
}

pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Parquet(#[from] ParquetError),
    #[error("{0}")]
    Arrow(#[from] datafusion::arrow::error::ArrowError),
}

/// Rows per conversion to columns.
const ROWS_AT_ONCE: usize = 64 * 1024;
const ROWS_OF_A_PART: usize = 4 * 1024;
/// Approximate maximum file length in a bucket; a file is uploaded in one call.
const PART_BYTES: usize = 16 << 20;

pub(super) fn write_table(
    path: &Path,
    table: &InventoryTable,
    rows: &[TableRow],
) -> Result<u64, WriteError> {
    let file = File::create(path)?;
    let schema = columns::schema(table);
    let mut writer = ArrowWriter::try_new(&file, schema, Some(properties()))?;
    for rows in rows.chunks(ROWS_AT_ONCE) {
        writer.write(&columns::batch(table, rows)?)?;
    }
    writer.close()?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

/// Writes rows in small groups to limit memory. Pages are smaller than usual because each column
/// buffers some.
pub(super) struct RowsWriter<W: io::Write + Send> {
    writer: ArrowWriter<W>,
}

/// Row groups end at this size.
const GROUP_BYTES: usize = 4 << 20;
/// Maximum size of a page and of a column dictionary.
const PAGE_BYTES: usize = 64 << 10;

impl<W: io::Write + Send> RowsWriter<W> {
    pub(super) fn new(to: W, table: &InventoryTable) -> Result<Self, WriteError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_data_page_size_limit(PAGE_BYTES)
            .set_dictionary_page_size_limit(PAGE_BYTES)
            .build();
        let writer = ArrowWriter::try_new(to, columns::schema(table), Some(properties))?;
        Ok(Self { writer })
    }

    pub(super) fn write(
        &mut self,
        table: &InventoryTable,
        rows: &[TableRow],
    ) -> Result<(), WriteError> {
        self.writer.write(&columns::batch(table, rows)?)?;
        if self.writer.memory_size() >= GROUP_BYTES {
            self.writer.flush()?;
        }
        Ok(())
    }

    pub(super) fn finish(&mut self) -> Result<(), WriteError> {
        self.writer.finish()?;
        Ok(())
    }
}

fn write_part(
    table: &InventoryTable,
    rows: &[TableRow],
    bytes_max: usize,
) -> Result<(Vec<u8>, usize), WriteError> {
    let schema = columns::schema(table);
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties()))?;
    let mut taken = 0;
    for rows in rows.chunks(ROWS_OF_A_PART) {
        writer.write(&columns::batch(table, rows)?)?;
        taken += rows.len();
        if writer.bytes_written() + writer.in_progress_size() >= bytes_max {
            break;
        }
    }
    Ok((writer.into_inner()?, taken))
}

fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build()
}

#[cfg(test)]
mod tests {
    use hallpass_inventory::Cell;

    use super::*;

    #[test]
    fn parts_have_all_rows_once_and_in_order() {
        let table = table("okta_groups").unwrap();
        let row = |number: u64| -> TableRow {
            let columns = table.columns.iter().map(|it| match it.name {
                "id" => Cell::Text(format!(
                    "{:016x}",
                    number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
                )),
                _ => Cell::Null,
            });
            columns.collect()
        };
        for (count, parts_min) in [(0, 1), (1, 1), (20_000, 3)] {
            let rows: Vec<TableRow> = (0..count).map(row).collect();
            let (mut left, mut parts, mut read) = (rows.as_slice(), 0, Vec::new());
            loop {
                let (bytes, taken) = write_part(table, left, 40_000).unwrap();
                let bytes = bytes::Bytes::from(bytes);
                let reader =
                    parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(bytes, 1024);
                for batch in reader.unwrap() {
                    read.extend(columns::rows(table, &batch.unwrap()));
                }
                (left, parts) = (&left[taken..], parts + 1);
                if left.is_empty() {
                    break;
                }
            }
            assert!(parts >= parts_min, "{parts} of {count}");
            assert!(read == rows, "{count}");
        }
    }
}
