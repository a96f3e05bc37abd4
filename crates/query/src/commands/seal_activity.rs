//! `seal-activity`: joins what `hallpass activity ingest` has read to the activity table. Not for people: the program that
//! reads logs does not link what writes Parquet (`inventory.md` H-25).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use hallpass_activity::{ActivityManifest, ActivityRows, read_line};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::json;

use crate::failure::{QueryExit, QueryFailure, QueryOutcome};
use crate::folder::ActivityFolder;
use crate::output;

/// Join what `hallpass activity ingest` has read to the activity table
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder of the run
    run: PathBuf,

    /// The folder of snapshots
    #[arg(long, value_name = "DIR", default_value = "snapshots")]
    folder: PathBuf,
}

/// What the run says of itself.
#[derive(Debug, Deserialize)]
struct IngestRun {
    run: String,
    finished: Timestamp,
}

pub(crate) fn run(args: &Args) -> QueryOutcome {
    let about = args.run.join("run.json");
    let broken = |it: &dyn std::fmt::Display| QueryFailure::unreadable(about.display(), it);
    let text = fs::read_to_string(&about).map_err(|it| broken(&it))?;
    let run: IngestRun = serde_json::from_str(&text).map_err(|it| broken(&it))?;
    let folder = ActivityFolder::new(args.folder.clone());
    let before = folder.manifest()?;
    let mut manifest = before.unwrap_or_else(|| ActivityManifest::empty(&run.run, run.finished));
    if manifest.read_by.contains(&run.run) {
        let message = format!("the run `{}` is part of the table already", run.run);
        return Err(QueryFailure::failed(message));
    }
    let sources = args.run.join("sources.jsonl");
    let list = fs::read(&sources).map_err(|it| QueryFailure::unreadable(sources.display(), it))?;
    let mut days = 0_u64;
    // a day at a time is in memory
    for (day, paths) in rows_by_day(&args.run)? {
        let mut rows = match manifest.days.get(&day) {
            Some(entry) => folder.activity_day(day, entry)?,
            None => ActivityRows::default(),
        };
        for path in paths {
            read_rows(&path, day, &mut rows, &mut manifest, run.finished)?;
        }
        let entry = folder.write_activity_day(day, &run.run, &rows)?;
        manifest.days.insert(day, entry);
        days += 1;
    }
    folder.write_beside(&ActivityManifest::sources_of(&run.run), &list)?;
    manifest.run.clone_from(&run.run);
    manifest.sealed = run.finished;
    manifest.read_by.insert(run.run);
    folder.write_activity(&manifest)?;
    let entries = manifest.days.values();
    let said = json!({
        "days": days,
        "rows": entries.clone().map(|it| it.rows).sum::<u64>(),
        "events": entries.map(|it| it.events).sum::<u64>(),
    });
    output::print(format!("{said}\n").as_bytes())?;
    Ok(QueryExit::Ok)
}

/// The files with rows of each day: `rows/DAY/N.jsonl`.
fn rows_by_day(run: &Path) -> Result<BTreeMap<Date, Vec<PathBuf>>, QueryFailure> {
    let mut days = BTreeMap::new();
    for folder in listed(&run.join("rows"))? {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let day = name
            .parse::<Date>()
            .map_err(|it| QueryFailure::unreadable(folder.display(), it))?;
        days.insert(day, listed(&folder)?);
    }
    Ok(days)
}

fn listed(folder: &Path) -> Result<Vec<PathBuf>, QueryFailure> {
    let unreadable = |it| QueryFailure::unreadable(folder.display(), it);
    let entries = fs::read_dir(folder).map_err(unreadable)?;
    let paths = entries.map(|it| it.map(|it| it.path()));
    let mut paths: Vec<PathBuf> = paths.collect::<Result<_, _>>().map_err(unreadable)?;
    paths.sort();
    Ok(paths)
}

/// Joins the rows of a file. How far the log goes is told by events that have happened: a record from the future
/// says nothing of what came before it.
fn read_rows(
    path: &Path,
    day: Date,
    rows: &mut ActivityRows,
    manifest: &mut ActivityManifest,
    now: Timestamp,
) -> Result<(), QueryFailure> {
    let broken = |it: &dyn std::fmt::Display| QueryFailure::unreadable(path.display(), it);
    let file = File::open(path).map_err(|it| broken(&it))?;
    for line in BufReader::new(file).lines() {
        let line = line.map_err(|it| broken(&it))?;
        let (key, facts) = read_line(&line).map_err(|it| broken(&it))?;
        if key.day != day {
            return Err(broken(&"it has a row of another day"));
        }
        if facts.first_seen <= now {
            manifest.note(&key.account_id, facts.first_seen, facts.last_seen.min(now));
        }
        rows.add(key, facts);
    }
    Ok(())
}
