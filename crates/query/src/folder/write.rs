//! Writing a snapshot: whole, or not to be seen.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use hallpass_inventory::{
    AccessSnapshot, InventoryTable, Snapshot, SnapshotState, TableRow, table,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::manifest::{Manifest, ManifestFile};
use super::{ACCESS, MANIFESTS, SnapshotFolder, WRITING, columns};
use crate::failure::QueryFailure;

impl SnapshotFolder {
    /// Writes a snapshot.
    ///
    /// CRASH: files are made under `_writing/ID/`, moved to their places when all are on disk, and
    /// named by a manifest that is written last. What stopped before that is no snapshot, and
    /// `prune` takes what `_writing` still has.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(crate) fn write(&self, snapshot: &Snapshot) -> Result<Manifest, QueryFailure> {
        let id = &snapshot.record.id;
        let writing = self.path.join(WRITING).join(id.as_str());
        make_folder(&writing)?;
        let mut files = Vec::new();
        for (name, rows) in &snapshot.rows {
            let Some(table) = table(name) else {
                return Err(QueryFailure::bug(format!("`{name}` is no table")));
            };
            let temporary = writing.join(format!("{name}.parquet"));
            let failed = |it: WriteError| QueryFailure::unwritable(temporary.display(), it);
            let bytes = write_table(&temporary, table, rows).map_err(failed)?;
            files.push(ManifestFile {
                table: (*name).to_owned(),
                path: format!("{name}/dt={}/run={id}/part-0.parquet", id.day()),
                rows: rows.len() as u64,
                bytes,
            });
        }
        for file in &files {
            let (from, to) = (
                writing.join(format!("{}.parquet", file.table)),
                self.path.join(&file.path),
            );
            to.parent().map_or(Ok(()), make_folder)?;
            fs::rename(&from, &to).map_err(|it| QueryFailure::unwritable(to.display(), it))?;
        }
        self.write_access(snapshot, &writing)?;
        let manifest = Manifest::new(snapshot.record.clone(), files);
        let text = serde_json::to_string_pretty(&manifest).map_err(QueryFailure::bug)?;
        let (temporary, place) = (writing.join("manifest.json"), self.manifest_path(id));
        make_folder(&self.path.join(MANIFESTS))?;
        write_synced(&temporary, text.as_bytes())
            .and_then(|()| fs::rename(&temporary, &place))
            .map_err(|it| QueryFailure::unwritable(place.display(), it))?;
        let _ = fs::remove_dir_all(&writing);
        Ok(manifest)
    }

    /// Writes what a snapshot says of access, where it says anything: who shows that need not link what
    /// reads the tables.
    fn write_access(&self, snapshot: &Snapshot, writing: &Path) -> Result<(), QueryFailure> {
        let record = &snapshot.record;
        let has_assignments = record.slices_of(ASSIGNMENTS).next().is_some();
        if !has_assignments || record.state() == SnapshotState::Failed {
            return Ok(());
        }
        let access = AccessSnapshot::new(snapshot, &[]);
        let text = serde_json::to_string(&access).map_err(QueryFailure::bug)?;
        let (temporary, place) = (writing.join("access.json"), self.access_path(&record.id));
        make_folder(&self.path.join(ACCESS))?;
        write_synced(&temporary, text.as_bytes())
            .and_then(|()| fs::rename(&temporary, &place))
            .map_err(|it| QueryFailure::unwritable(place.display(), it))
    }
}

/// Without this table nothing is said of access.
const ASSIGNMENTS: &str = "aws_ssoadmin_account_assignments";

pub(super) fn make_folder(path: &Path) -> Result<(), QueryFailure> {
    fs::create_dir_all(path).map_err(|it| QueryFailure::unwritable(path.display(), it))
}

pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Why a file of rows could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Parquet(#[from] ParquetError),
    #[error("{0}")]
    Arrow(#[from] datafusion::arrow::error::ArrowError),
}

/// How many rows are made columns at a time.
const ROWS_AT_ONCE: usize = 64 * 1024;

/// Writes the rows of a table; answers the file's length. A table without rows is a file, too.
pub(super) fn write_table(
    path: &Path,
    table: &InventoryTable,
    rows: &[TableRow],
) -> Result<u64, WriteError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let file = File::create(path)?;
    let schema = columns::schema(table);
    let mut writer = ArrowWriter::try_new(&file, schema, Some(properties))?;
    for rows in rows.chunks(ROWS_AT_ONCE) {
        writer.write(&columns::batch(table, rows)?)?;
    }
    writer.close()?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}
