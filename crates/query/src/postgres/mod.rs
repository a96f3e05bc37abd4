//! Exports a snapshot as PostgreSQL tables for dashboards (`inventory.md` T-22): one snapshot per
//! schema, in one transaction.
//!
//! Rows are deleted and rewritten; tables stay. Readers see the old snapshot until commit, at any
//! isolation level (an older transaction would see a truncated or replaced table as empty).
//! Privileges and views on the tables stay.

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

/// Rows are sent in chunks of this size.
const CHUNK_BYTES: usize = 256 << 10;
/// Limits how long the export waits for table locks.
const BEFORE: &str = "SET LOCAL lock_timeout = '30s'; SET LOCAL statement_timeout = 0";

pub(crate) struct PostgresExport<'a> {
    pub(crate) address: &'a PostgresAddress,
    pub(crate) schema: &'a str,
    pub(crate) owner: SchemaOwner,
    pub(crate) folder: &'a SnapshotFolder,
    pub(crate) manifest: &'a Manifest,
    pub(crate) tables: &'a [&'static InventoryTable],
}

#[derive(Default)]
pub(crate) struct ExportedTables {
    pub(crate) tables: Vec<(&'static str, u64)>,
    pub(crate) dropped: Vec<String>,
    /// Values in which U+0000 was replaced.
    pub(crate) replaced: u64,
}

impl PostgresExport<'_> {
    /// Exports atomically.
    ///
    /// # Errors
    /// The schema is foreign, or the database refuses.
    pub(crate) async fn run(&self) -> Result<ExportedTables, QueryFailure> {
        let mut client = self.address.connect().await?;
        let begun = client.transaction().await;
        let transaction = begun.map_err(|it| self.address.failure("beginning", &it))?;
        let exported = self.all(&transaction).await?;
        let ended = transaction.commit().await;
        ended.map_err(|it| self.address.failure("ending the transaction", &it))?;
        for (table, _) in &exported.tables {
            // removes dead rows now instead of at the next autovacuum
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

    /// Refuses a second concurrent export into the schema.
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

    fn rows(&self) -> u64 {
        let files = self
            .tables
            .iter()
            .flat_map(|it| self.manifest.files_of(it.name));
        files.map(|it| it.rows).sum()
    }

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

/// Returns the rows about the snapshot itself. Duplicate failures of a slice become one row.
fn own_rows(table: &InventoryTable, manifest: &Manifest) -> Vec<TableRow> {
    let mut rows = meta_rows(table, &[&manifest.record]);
    let mut seen = BTreeSet::new();
    rows.retain(|row| match row.first().and_then(|it| it.as_text()) {
        Some(id) => seen.insert(id.to_owned()),
        None => true,
    });
    rows
}
