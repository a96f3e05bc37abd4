//! `snapshots`: list, show, import, export, compare and remove them.

mod export;

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;

use clap::Subcommand;
use hallpass_base::TimeSpan;
use hallpass_inventory::{
    InventoryTable, Snapshot, SnapshotRecord, TABLES, TableRow, diff, document_of, nearest, table,
};
use jiff::Timestamp;
use serde_json::json;

use crate::document;
use crate::failure::{QueryExit, QueryFailure, QueryOutcome, say};
use crate::folder::{SnapshotFolder, SnapshotsAt, WhichSnapshot, going};
use crate::output::{self, OutputArgs, Sheet};

/// List, show, import, export, compare and remove snapshots
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass query snapshots import inventory.json
  hallpass query snapshots list --snapshots s3://acme-inventory/hallpass
  hallpass query snapshots diff previous newest --table aws_iam_users
  hallpass query snapshots export --to postgres://hallpass@db.example.com/inventory
  hallpass query snapshots prune --keep 30")]
pub(crate) struct Args {
    /// Location of the snapshots: a folder, or `s3://bucket/prefix`
    #[arg(
        long,
        visible_alias = "snapshots",
        global = true,
        value_name = "PLACE",
        default_value = "snapshots"
    )]
    folder: SnapshotsAt,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List all snapshots, oldest first
    #[command(after_help = "Example:\n  hallpass query snapshots list --output csv")]
    List {
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Show the contents of one snapshot by table, account and Region
    #[command(after_help = "Example:\n  hallpass query snapshots show previous")]
    Show {
        /// Snapshot: an id, a day, `previous` or `newest`
        #[arg(default_value = "newest")]
        which: WhichSnapshot,

        #[command(flatten)]
        output: OutputArgs,
    },
    /// Store a document `{"now", "tables": {NAME: [row, …]}}` as a snapshot
    #[command(after_help = "Example:\n  hallpass query snapshots import inventory.json")]
    Import {
        /// The document
        file: PathBuf,
    },
    Export(Box<export::Args>),
    /// Show the changes between two snapshots
    #[command(
        after_help = "Example:\n  hallpass query snapshots diff previous newest --table aws_iam_users"
    )]
    Diff {
        /// The earlier snapshot
        before: WhichSnapshot,
        /// The later snapshot
        after: WhichSnapshot,

        /// Compare only this table
        #[arg(long, value_name = "NAME")]
        table: Option<String>,

        #[command(flatten)]
        output: OutputArgs,
    },
    /// Remove all but the newest
    #[command(after_help = "Example:\n  hallpass query snapshots prune --keep 30")]
    Prune {
        /// Number of snapshots to keep, and of failed ones
        #[arg(long, value_name = "N")]
        keep: usize,

        /// Also remove files of stopped runs unchanged for this long
        #[arg(long, value_name = "SPAN", default_value = "1h")]
        unfinished: TimeSpan,

        /// Do not ask for confirmation
        #[arg(long, short = 'y')]
        yes: bool,
    },
}

pub(crate) async fn run(args: &Args, now: Timestamp) -> QueryOutcome {
    let folder = SnapshotFolder::open(&args.folder).await?;
    match &args.command {
        Command::List { output } => {
            let manifests = folder.list().await?;
            let records = manifests.iter().map(|it| &it.record);
            output.sheet(&listed(records))?;
        }
        Command::Show { which, output } => {
            let manifests = folder.list().await?;
            output.sheet(&shown(&folder.pick(&manifests, which)?.record))?;
        }
        Command::Import { file } => {
            let document = document::read(file)?;
            document.refuse_activity(file)?;
            let random = getrandom::u32().map_err(|it| QueryFailure::failed(it.to_string()))?;
            let snapshot = document.snapshot(document.now.unwrap_or(now), random);
            let manifest = folder.write(&snapshot).await?;
            output::print(format!("{}\n", manifest.record.id).as_bytes())?;
        }
        Command::Export(args) => return export::run(args, &folder).await,
        Command::Diff {
            before,
            after,
            table,
            output,
        } => {
            let tables = compared(table.as_deref())?;
            let (before, after) = (read(&folder, before).await?, read(&folder, after).await?);
            output.sheet(&changes(&before, &after, &tables))?;
        }
        Command::Prune {
            keep,
            unfinished,
            yes,
        } => {
            asked(&folder, *keep, *yes).await?;
            let pruned = folder.prune(*keep, *unfinished, now).await?;
            for record in pruned.snapshots {
                say(&format!("removed {}", record.id));
            }
            for (id, files) in pruned.unfinished {
                say(&format!(
                    "removed {files} files of {id}, which was never finished"
                ));
            }
        }
    }
    Ok(QueryExit::Ok)
}

async fn read(folder: &SnapshotFolder, which: &WhichSnapshot) -> Result<Snapshot, QueryFailure> {
    let manifests = folder.list().await?;
    folder.read(folder.pick(&manifests, which)?).await
}

fn listed<'a>(records: impl Iterator<Item = &'a SnapshotRecord>) -> Sheet {
    let mut sheet = Sheet::new(&[
        "id", "state", "started", "finished", "tables", "rows", "failed",
    ]);
    for record in records {
        let mut tables: Vec<&str> = record
            .slices
            .iter()
            .map(|it| it.key.table.as_str())
            .collect();
        tables.sort_unstable();
        tables.dedup();
        let rows: u64 = record.slices.iter().map(|it| it.outcome.row_count()).sum();
        let failed = record
            .slices
            .iter()
            .filter(|it| it.outcome.failures().next().is_some());
        sheet.rows.push(vec![
            json!(record.id.as_str()),
            json!(record.state().name()),
            json!(record.started.to_string()),
            json!(record.finished.to_string()),
            json!(tables.len()),
            json!(rows),
            json!(failed.count()),
        ]);
    }
    sheet
}

fn shown(record: &SnapshotRecord) -> Sheet {
    let mut sheet = Sheet::new(&["table", "account", "region", "state", "rows", "why"]);
    for slice in &record.slices {
        let why = slice.outcome.failures().next();
        sheet.rows.push(vec![
            json!(slice.key.table),
            json!(slice.key.account),
            json!(slice.key.region),
            json!(slice.outcome.name()),
            json!(slice.outcome.row_count()),
            json!(why.map(|it| format!("{} in {}: {}", it.code, it.stage, it.message))),
        ]);
    }
    sheet
}

fn compared(name: Option<&str>) -> Result<Vec<&'static InventoryTable>, QueryFailure> {
    let named = name.map(|name| table_named(name).map(|it| vec![it]));
    named.unwrap_or_else(|| Ok(TABLES.to_vec()))
}

fn table_named(name: &str) -> Result<&'static InventoryTable, QueryFailure> {
    table(name).ok_or_else(|| {
        let near = nearest(name, TABLES.iter().map(|it| it.name), 3).join("`, `");
        let failure = QueryFailure::bad_input(format!("there is no table `{name}`"));
        failure.help(format!("nearest: `{near}`"))
    })
}

fn changes(before: &Snapshot, after: &Snapshot, tables: &[&'static InventoryTable]) -> Sheet {
    let mut sheet = Sheet::new(&["change", "table", "cq_id", "before", "after"]);
    for table in tables {
        let changes = diff(table, before, after);
        let row = |row: &TableRow| document_of(table, row);
        let mut add = |change: &str, before: Option<&TableRow>, after: Option<&TableRow>| {
            let id = before.or(after).and_then(|it| it.first()?.as_text());
            sheet.rows.push(vec![
                json!(change),
                json!(table.name),
                json!(id),
                json!(before.map(row)),
                json!(after.map(row)),
            ]);
        };
        changes
            .added
            .iter()
            .for_each(|it| add("added", None, Some(it)));
        changes
            .removed
            .iter()
            .for_each(|it| add("removed", Some(it), None));
        changes
            .changed
            .iter()
            .for_each(|(a, b)| add("changed", Some(a), Some(b)));
        changes
            .unknown
            .iter()
            .for_each(|it| add("unknown", Some(it), None));
    }
    sheet
}

/// Prompts for confirmation, unless `yes` is set.
async fn asked(folder: &SnapshotFolder, keep: usize, yes: bool) -> Result<(), QueryFailure> {
    let going = going(&folder.list().await?, keep).len();
    if going == 0 || yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        let message = format!("this removes {going} snapshots, and there is no terminal to ask on");
        let failure = QueryFailure::new(QueryExit::Refused, message);
        return Err(failure.help("give `--yes` to do it without asking"));
    }
    let _ = write!(
        io::stderr().lock(),
        "Remove {going} snapshots, and keep {keep}? [y/N] "
    );
    let mut answer = String::new();
    let _ = io::stdin().lock().read_line(&mut answer);
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(QueryFailure::new(QueryExit::Refused, "nothing was removed"))
}
