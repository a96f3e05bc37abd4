//! `snapshots export`: as one document, or as tables of PostgreSQL.

use std::env;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use hallpass_inventory::{
    InventoryTable, Slice, SliceOutcome, Snapshot, SnapshotRecord, TABLES, TableCoverage,
    coverage_of, export,
};
use serde_json::{Value, json};

use super::table_named;
use crate::commands::query::tell;
use crate::dataset::{PartialTable, not_synced};
use crate::failure::{QueryExit, QueryFailure, QueryOutcome, say};
use crate::folder::{SnapshotFolder, WhichSnapshot};
use crate::output::{self, OutputArgs, Sheet};
use crate::postgres::{ExportedTables, PostgresAddress, PostgresExport, SchemaOwner};

/// PostgreSQL silently truncates longer names.
const NAME_BYTES_MAX: usize = 63;

/// Write a snapshot as a document, or as tables of PostgreSQL
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Write a snapshot as a document, or as tables of PostgreSQL\n\n\
                  The document is `{\"tables\": {NAME: [row, …]}}`; a table of which nothing could be read is not in it. With --to, a schema has the tables of one snapshot afterwards, with their names and columns, \
                  `cq_id` as primary key, and hallpass_snapshots, hallpass_coverage and hallpass_sync_errors about it. \
                  It is one transaction: readers see the snapshot of before or the new one. A table that was not \
                  collected is not there. U+0000, which PostgreSQL cannot hold, becomes U+FFFD, and is counted.",
    after_help = "Examples:
  hallpass query snapshots export 2026-11-20 --out inventory.json
  hallpass query snapshots export --to postgres://hallpass@db.example.com/inventory
  PGPASSWORD=… hallpass query snapshots export --to 'postgres://hallpass@db/inventory?sslrootcert=ca.pem' \\
    --tables aws_iam_users,okta_users --schema people

Exit codes: 0 ok, 1 failed or data are partial, 2 bad input, 4 the schema has
tables of others, 5 another export is at work there, 70 internal."
)]
pub(super) struct Args {
    /// Snapshot: an id, a day, `previous` or `newest` [default: newest]
    which: Option<WhichSnapshot>,

    /// The same, as an option
    #[arg(long, value_name = "WHICH", conflicts_with = "which")]
    snapshot: Option<WhichSnapshot>,

    /// Output file of the document [default: standard output]
    #[arg(long, value_name = "FILE", conflicts_with = "to")]
    out: Option<PathBuf>,

    /// The database, as `postgres://USER@HOST/DATABASE`; PGPASSWORD may have the password
    #[arg(long, value_name = "ADDRESS")]
    to: Option<String>,

    /// The schema of the tables
    #[arg(long, value_name = "NAME", default_value = "hallpass", requires = "to")]
    schema: String,

    /// Export only these tables [default: all in the snapshot]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', requires = "to")]
    tables: Vec<String>,

    /// Allow a schema with foreign tables, and leave those unchanged
    #[arg(long, requires = "to")]
    beside_others: bool,

    /// Exit 0 although data are partial
    #[arg(long)]
    allow_partial: bool,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn run(args: &Args, folder: &SnapshotFolder) -> QueryOutcome {
    let manifests = folder.list().await?;
    let which = args.which.as_ref().or(args.snapshot.as_ref());
    let manifest = folder.pick(&manifests, which.unwrap_or(&WhichSnapshot::Newest))?;
    let Some(to) = &args.to else {
        return args.document(&folder.read(manifest).await?);
    };
    let address = PostgresAddress::parse(to, env::var("PGPASSWORD").ok().as_deref())?;
    if args.schema.is_empty() || args.schema.len() > NAME_BYTES_MAX {
        let message = format!("`{}` is no name of a schema", args.schema);
        return Err(QueryFailure::bad_input(message).help("a name has 1 to 63 bytes"));
    }
    let tables = args.tables_of(&manifest.record)?;
    let export = PostgresExport {
        address: &address,
        schema: &args.schema,
        owner: if args.beside_others {
            SchemaOwner::Shared
        } else {
            SchemaOwner::Alone
        },
        folder,
        manifest,
        tables: &tables,
    };
    let exported = export.run().await?;
    args.output.sheet(&sheet(&exported))?;
    let id = &manifest.record.id;
    say(&format!(
        "{id} is in the schema `{}` of {address}",
        args.schema
    ));
    for name in &exported.dropped {
        say(&format!("removed `{name}`, which is not of this export"));
    }
    if exported.replaced > 0 {
        let count = exported.replaced;
        say(&format!(
            "note: {count} values had U+0000, which PostgreSQL cannot hold; it is U+FFFD there"
        ));
    }
    Ok(args.exit(&partial(&manifest.record, &tables)))
}

impl Args {
    /// Writes the document without tables that were not read: an empty table would mean no rows
    /// exist.
    fn document(&self, snapshot: &Snapshot) -> QueryOutcome {
        let record = &snapshot.record;
        let partial = partial(record, &self.tables_of(record)?);
        let mut document = export(snapshot);
        if let Some(tables) = document.get_mut("tables").and_then(Value::as_object_mut) {
            tables.retain(|name, _| is_read(record, name));
        }
        let document = document.to_string() + "\n";
        match &self.out {
            Some(path) => write_whole(path, &document)
                .map_err(|it| QueryFailure::unwritable(path.display(), it))?,
            None => output::print(document.as_bytes())?,
        }
        Ok(self.exit(&partial))
    }

    fn exit(&self, partial: &[PartialTable]) -> QueryExit {
        tell(partial);
        if partial.is_empty() || self.allow_partial {
            QueryExit::Ok
        } else {
            QueryExit::Failed
        }
    }

    /// Returns the tables to export, without those never collected.
    fn tables_of(
        &self,
        record: &SnapshotRecord,
    ) -> Result<Vec<&'static InventoryTable>, QueryFailure> {
        let is_there = |it: &InventoryTable| record.slices_of(it.name).next().is_some();
        if self.tables.is_empty() {
            return Ok(TABLES.iter().copied().filter(|it| is_there(it)).collect());
        }
        let named = self.tables.iter().map(|name| {
            let table = table_named(name)?;
            if is_there(table) {
                Ok(table)
            } else {
                Err(not_synced(table.name))
            }
        });
        let mut tables = named.collect::<Result<Vec<_>, _>>()?;
        tables.sort_by_key(|it| it.name);
        tables.dedup_by_key(|it| it.name);
        Ok(tables)
    }
}

/// Returns whether a table has a successful slice, or no failed one.
fn is_read(record: &SnapshotRecord, table: &str) -> bool {
    let is_there = |it: &Slice| match it.outcome {
        SliceOutcome::Ok { .. } | SliceOutcome::Carried { .. } => true,
        SliceOutcome::Failed { .. } | SliceOutcome::Skipped { .. } => false,
    };
    let mut slices = record.slices_of(table);
    slices.any(is_there) || !matches!(coverage_of(record, table), TableCoverage::Partial(_))
}

/// Writes a temporary file and renames it, so the old file stays until the new one is complete.
/// Writes directly to pipes, and to files whose folder allows no temporary file, such as a mounted
/// file.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let there = fs::metadata(path).ok();
    if there.as_ref().is_some_and(|it| !it.is_file()) {
        return fs::write(path, text);
    }
    // keeps a symbolic link
    let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut beside = place.clone().into_os_string();
    beside.push(format!(".writing-{}", std::process::id()));
    let made = write_beside(Path::new(&beside), there.as_ref(), text);
    let moved = made.and_then(|()| fs::rename(&beside, &place));
    let cannot = |error: &io::Error| {
        let kind = error.kind();
        kind == io::ErrorKind::PermissionDenied || kind == io::ErrorKind::ResourceBusy
    };
    if moved.is_err() {
        // may not exist
        let _ = fs::remove_file(&beside);
    }
    match moved {
        Err(error) if there.is_some() && cannot(&error) => fs::write(path, text),
        moved => moved,
    }
}

fn write_beside(beside: &Path, like: Option<&fs::Metadata>, text: &str) -> io::Result<()> {
    let mut file = File::create(beside)?;
    if let Some(like) = like {
        file.set_permissions(like.permissions())?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn sheet(exported: &ExportedTables) -> Sheet {
    let mut sheet = Sheet::new(&["table", "rows"]);
    let rows = exported.tables.iter();
    sheet.rows = rows
        .map(|(table, rows)| vec![json!(table), json!(rows)])
        .collect();
    sheet
}

fn partial(record: &SnapshotRecord, tables: &[&'static InventoryTable]) -> Vec<PartialTable> {
    let groups = tables
        .iter()
        .filter_map(|it| match coverage_of(record, it.name) {
            TableCoverage::Partial(groups) => Some(PartialTable {
                table: it.name,
                groups,
            }),
            TableCoverage::Complete | TableCoverage::NotSynced => None,
        });
    groups.collect()
}
