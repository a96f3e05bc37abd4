//! A snapshot as tables of PostgreSQL, for dashboards (`inventory.md` T-22): a schema with one snapshot in it, made
//! in one transaction.
//!
//! Rows are deleted and written again, tables stay: whoever reads has the snapshot of before until the transaction
//! ends, however they read (a table that was truncated or exchanged would be empty to a transaction that is older
//! than it), and what was granted on a table, or stands on it as a view, stays.

mod address;
mod rows;
mod schema;

use std::collections::BTreeSet;

use futures_util::SinkExt as _;
use hallpass_inventory::{InventoryTable, META, TableRow};
use tokio_postgres::Transaction;

pub(crate) use address::PostgresAddress;
pub(crate) use schema::SchemaOwner;

use crate::dataset::meta_rows;
use crate::failure::{QueryExit, QueryFailure};
use crate::folder::{Manifest, SnapshotFolder, columns};
use crate::progress::RowProgress;
use rows::CopyRows;
use schema::{ExportSchema, quoted};

/// Rows leave when they are so long together.
const CHUNK_BYTES: usize = 256 << 10;
/// Nobody is kept waiting for a table longer than this.
const BEFORE: &str = "SET LOCAL lock_timeout = '30s'; SET LOCAL statement_timeout = 0";

/// What is exported, and where to.
pub(crate) struct PostgresExport<'a> {
    pub(crate) address: &'a PostgresAddress,
    pub(crate) schema: &'a str,
    /// Whose tables may be in the schema.
    pub(crate) owner: SchemaOwner,
    pub(crate) folder: &'a SnapshotFolder,
    pub(crate) manifest: &'a Manifest,
    pub(crate) tables: &'a [&'static InventoryTable],
}

/// What came of it.
#[derive(Default)]
pub(crate) struct ExportedTables {
    /// Tables and their rows.
    pub(crate) tables: Vec<(&'static str, u64)>,
    /// Tables of an earlier export that this snapshot has not.
    pub(crate) dropped: Vec<String>,
    /// Values in which U+0000 was replaced.
    pub(crate) replaced: u64,
}

impl PostgresExport<'_> {
    /// Exports: all of it is seen, or nothing is.
    ///
    /// # Errors
    /// When the schema is not ours, or the database does not take it.
    pub(crate) async fn run(&self) -> Result<ExportedTables, QueryFailure> {
        let mut client = self.address.connect().await?;
        let begun = client.transaction().await;
        let transaction = begun.map_err(|it| self.address.failure("beginning", &it))?;
        let exported = self.all(&transaction).await?;
        let ended = transaction.commit().await;
        ended.map_err(|it| self.address.failure("ending the transaction", &it))?;
        for (table, _) in &exported.tables {
            // rows of before are only in the way now; without this they go a little later
            let vacuum = format!("VACUUM (ANALYZE) {}", self.name_of(table));
            let _ = client.batch_execute(&vacuum).await;
        }
        Ok(exported)
    }

    fn name_of(&self, table: &str) -> String {
        format!("{}.{}", quoted(self.schema), quoted(table))
    }

    async fn all(&self, transaction: &Transaction<'_>) -> Result<ExportedTables, QueryFailure> {
        self.alone(transaction).await?;
        let schema = ExportSchema {
            transaction,
            address: self.address,
            name: self.schema,
        };
        let wanted: Vec<&InventoryTable> = self.tables.iter().chain(META).copied().collect();
        let there = schema.look(&wanted, self.owner).await?;
        let mut exported = ExportedTables::default();
        let progress = RowProgress::new(self.rows());
        for table in &wanted {
            schema.make(table, &there).await?;
            let rows = self
                .fill(transaction, table, (&progress, &mut exported))
                .await?;
            exported.tables.push((table.name, rows));
        }
        let is_wanted = |name: &String| wanted.iter().any(|it| it.name == name);
        for name in there.ours().filter(|name| !is_wanted(name)) {
            schema.drop(name).await?;
            exported.dropped.push(name.clone());
        }
        progress.end();
        Ok(exported)
    }

    /// Two exports into one schema wait for nobody: the second is refused.
    async fn alone(&self, transaction: &Transaction<'_>) -> Result<(), QueryFailure> {
        let failed = |it| self.address.failure("beginning", &it);
        transaction.batch_execute(BEFORE).await.map_err(failed)?;
        let lock = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))";
        let name = format!("hallpass query snapshots export {}", self.schema);
        let row = transaction
            .query_one(lock, &[&name])
            .await
            .map_err(failed)?;
        if row.get(0) {
            return Ok(());
        }
        let message = format!("another export into `{}` is at work", self.schema);
        Err(QueryFailure::new(QueryExit::Held, message).help("wait for it to end"))
    }

    /// How many rows are to come.
    fn rows(&self) -> u64 {
        let files = self
            .tables
            .iter()
            .flat_map(|it| self.manifest.files_of(it.name));
        files.map(|it| it.rows).sum()
    }

    /// Writes the rows of a table in place of those of before.
    async fn fill(
        &self,
        transaction: &Transaction<'_>,
        table: &'static InventoryTable,
        (progress, exported): (&RowProgress, &mut ExportedTables),
    ) -> Result<u64, QueryFailure> {
        let (name, doing) = (
            self.name_of(table.name),
            format!("writing `{}`", table.name),
        );
        let failed = |it| self.address.failure(&doing, &it);
        let delete = format!("DELETE FROM {name}");
        transaction.batch_execute(&delete).await.map_err(failed)?;
        let columns: Vec<String> = table.columns.iter().map(|it| quoted(it.name)).collect();
        let copy = format!(
            "COPY {name} ({}) FROM STDIN (FORMAT binary)",
            columns.join(", ")
        );
        let sink = transaction.copy_in(copy.as_str()).await.map_err(failed)?;
        let mut sink = Box::pin(sink);
        let mut rows = CopyRows::new();
        if META.iter().any(|it| it.name == table.name) {
            for row in own_rows(table, self.manifest) {
                rows.push(&row);
            }
        }
        for file in self.manifest.files_of(table.name) {
            for batch in self.folder.batches(file).await? {
                let batch = batch.map_err(|it| self.folder.broken(file, &it))?;
                for row in columns::rows(table, &batch) {
                    rows.push(&row);
                    if rows.len() >= CHUNK_BYTES {
                        sink.send(rows.take()).await.map_err(failed)?;
                    }
                }
                progress.add(batch.num_rows() as u64);
            }
        }
        exported.replaced += rows.replaced;
        sink.send(rows.end()).await.map_err(failed)?;
        sink.as_mut().finish().await.map_err(failed)
    }
}

/// What is known of the snapshot itself. The same failure of the same slice may be there twice; it is one row.
fn own_rows(table: &InventoryTable, manifest: &Manifest) -> Vec<TableRow> {
    let mut rows = meta_rows(table, &[&manifest.record]);
    let mut seen = BTreeSet::new();
    rows.retain(|row| match row.first().and_then(|it| it.as_text()) {
        Some(id) => seen.insert(id.to_owned()),
        None => true,
    });
    rows
}
