//! `seal`: turns the output of `hallpass sync` into a snapshot. Internal: the program that reads
//! AWS does not link the Parquet writer (`inventory.md` §1.1).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use hallpass_inventory::{
    Slice, SliceFailure, SliceOutcome, Snapshot, SnapshotId, SnapshotRecord, TableRow,
    carried_from, read_row, table,
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::failure::{QueryExit, QueryFailure, QueryOutcome};
use crate::folder::{Manifest, SnapshotFolder, SnapshotsAt};
use crate::output;

/// Create a snapshot from the output of `hallpass sync`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder of the run
    run: PathBuf,

    /// Location of the snapshots: a folder, or `s3://bucket/prefix`
    #[arg(long, value_name = "PLACE", default_value = "snapshots")]
    folder: SnapshotsAt,

    /// Fill failed slices from an earlier snapshot, no older than this
    #[arg(long, value_name = "SPAN")]
    carry_max_age: Option<SignedDuration>,
}

/// Metadata of a sync run.
#[derive(Debug, Deserialize)]
struct SyncRun {
    snapshot: SnapshotId,
    started: Timestamp,
    finished: Timestamp,
    host: String,
    version: String,
}

/// A stored slice.
#[derive(Debug, Deserialize)]
struct KeptSlice {
    slice: Slice,
    rows: Vec<Value>,
}

pub(crate) async fn run(args: &Args) -> QueryOutcome {
    let run: SyncRun = read(&args.run.join("run.json"))?;
    let folder = SnapshotFolder::open(&args.folder).await?;
    let manifests = folder.list().await?;
    let mut snapshot = Snapshot {
        record: SnapshotRecord {
            id: run.snapshot,
            started: run.started,
            finished: run.finished,
            host: run.host,
            version: run.version,
            slices: Vec::new(),
        },
        rows: BTreeMap::new(),
    };
    take_slices(&args.run.join("slices"), &mut snapshot)?;
    if manifests
        .iter()
        .any(|it| it.record.id == snapshot.record.id)
    {
        // a finished snapshot is never rewritten
        let message = format!("there is a snapshot `{}` already", snapshot.record.id);
        return Err(QueryFailure::failed(message));
    }
    // failures stay recorded even if an earlier snapshot fills them
    let failures = failures(&snapshot.record.slices);
    if let Some(most) = args.carry_max_age {
        carry((&folder, &manifests), &mut snapshot, most).await?;
    }
    folder.write(&snapshot).await?;
    let text = format!("{}\n", summary(&snapshot.record, &failures));
    output::print(text.as_bytes())?;
    Ok(QueryExit::Ok)
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, QueryFailure> {
    let text =
        fs::read_to_string(path).map_err(|it| QueryFailure::unreadable(path.display(), it))?;
    serde_json::from_str(&text).map_err(|it| QueryFailure::unreadable(path.display(), it))
}

fn take_slices(folder: &Path, snapshot: &mut Snapshot) -> Result<(), QueryFailure> {
    let unreadable = |it| QueryFailure::unreadable(folder.display(), it);
    let entries = fs::read_dir(folder).map_err(unreadable)?;
    let paths = entries.map(|it| it.map(|it| it.path()));
    let mut paths: Vec<PathBuf> = paths.collect::<Result<_, _>>().map_err(unreadable)?;
    // the snapshot must not depend on the read order
    paths.sort();
    for path in paths {
        let KeptSlice { slice, rows } = read(&path)?;
        let broken = |it: String| QueryFailure::unreadable(path.display(), it);
        let table = table(&slice.key.table)
            .ok_or_else(|| broken(format!("there is no table `{}`", slice.key.table)))?;
        let rows = rows.iter().map(|row| read_row(table, row));
        let rows: Vec<TableRow> = rows
            .collect::<Result<_, _>>()
            .map_err(|it| broken(it.to_string()))?;
        if rows.len() as u64 != slice.outcome.row_count() {
            return Err(broken(
                "it has another number of rows than it says".to_owned(),
            ));
        }
        snapshot.rows.entry(table.name).or_default().extend(rows);
        snapshot.record.slices.push(slice);
    }
    Ok(())
}

/// Fills failed slices from the newest snapshots that have them (`inventory.md` T-6).
async fn carry(
    (folder, manifests): (&SnapshotFolder, &[Manifest]),
    snapshot: &mut Snapshot,
    most: SignedDuration,
) -> Result<(), QueryFailure> {
    let now = snapshot.record.finished;
    let mut opened: BTreeMap<SnapshotId, Snapshot> = BTreeMap::new();
    for slice in &mut snapshot.record.slices {
        if !matches!(slice.outcome, SliceOutcome::Failed { .. }) {
            continue;
        }
        let records = manifests.iter().map(|it| &it.record);
        let Some(source) = carried_from(&slice.key, records, now, most).cloned() else {
            continue;
        };
        let Some(manifest) = manifests.iter().find(|it| it.record.id == source) else {
            continue;
        };
        if !opened.contains_key(&source) {
            opened.insert(source.clone(), folder.read(manifest).await?);
        }
        let Some((table, earlier)) = table(&slice.key.table).zip(opened.get(&source)) else {
            continue;
        };
        let rows = earlier.rows_of(table, &slice.key);
        slice.outcome = SliceOutcome::Carried {
            row_count: rows.len() as u64,
            source_snapshot_id: source,
        };
        let all = snapshot.rows.entry(table.name).or_default();
        all.extend(rows.into_iter().cloned());
    }
    Ok(())
}

/// Groups failures by kind, most frequent first.
fn failures(slices: &[Slice]) -> Vec<Value> {
    let mut groups: BTreeMap<(&str, &str, &str), (&SliceFailure, Vec<&Slice>)> = BTreeMap::new();
    for slice in slices {
        if let Some(failure) = slice.outcome.failures().next() {
            let key = (
                failure.code.as_str(),
                failure.stage.as_str(),
                failure.operation.as_str(),
            );
            let group = groups.entry(key).or_insert_with(|| (failure, Vec::new()));
            group.1.push(slice);
        }
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|(_, slices)| std::cmp::Reverse(slices.len()));
    let shown = groups.iter().map(|(failure, slices)| {
        let tables: BTreeSet<&str> = slices.iter().map(|it| it.key.table.as_str()).collect();
        let accounts = slices.iter().filter_map(|it| it.key.account.as_deref());
        let accounts: BTreeSet<&str> = accounts.collect();
        json!({
            "stage": failure.stage,
            "code": failure.code,
            "operation": failure.operation,
            "message": failure.message,
            "slices": slices.len(),
            "tables": tables,
            "accounts": accounts,
        })
    });
    shown.collect()
}

fn summary(record: &SnapshotRecord, failures: &[Value]) -> Value {
    let count = |name: &str| {
        let slices = record.slices.iter();
        slices.filter(|it| it.outcome.name() == name).count()
    };
    let rows = record.slices.iter().map(|it| it.outcome.row_count());
    json!({
        "snapshot_id": record.id.as_str(),
        "state": record.state().name(),
        "ok": count("ok"),
        "failed": count("failed"),
        "skipped": count("skipped"),
        "carried": count("carried"),
        "rows": rows.sum::<u64>(),
        "failures": failures,
    })
}
