//! `seal-activity`: merges the output of `hallpass activity ingest` into the activity table.
//! Internal: the program that reads logs does not link the Parquet writer (`inventory.md` H-25).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use hallpass_activity::{
    ActivityDay, ActivityManifest, RowPiece, merge_rows, piece_line, read_line,
};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::json;

use crate::failure::{QueryExit, QueryFailure, QueryOutcome};
use crate::folder::ActivityFolder;
use crate::output;

/// Merge the output of `hallpass activity ingest` into the activity table
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder of the run
    run: PathBuf,

    /// The folder of snapshots
    #[arg(long, value_name = "DIR", default_value = "snapshots")]
    folder: PathBuf,
}

/// Metadata of an ingest run.
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
    let manifest = before.unwrap_or_else(|| ActivityManifest::empty(&run.run, run.finished));
    if manifest.read_by.contains(&run.run) {
        let message = format!("the run `{}` is part of the table already", run.run);
        return Err(QueryFailure::failed(message));
    }
    let sources = args.run.join("sources.jsonl");
    let mut days = 0_u64;
    let noted = RefCell::new(manifest);
    // CRASH: the next run deletes files that the manifest does not name yet, together with their
    // inputs
    for (day, paths) in rows_by_day(&args.run)? {
        let new = DayParts {
            day,
            now: run.finished,
            noted: &noted,
        };
        let entry = join(&folder, &run.run, &new, paths)?;
        noted.borrow_mut().days.insert(day, entry);
        days += 1;
    }
    let mut manifest = noted.into_inner();
    folder.copy_beside(&sources, &ActivityManifest::sources_of(&run.run))?;
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

/// Maximum number of open files; more are merged in steps.
const OPEN_MAX: usize = 32;

struct DayParts<'a> {
    day: Date,
    now: Timestamp,
    noted: &'a RefCell<ActivityManifest>,
}

fn join(
    folder: &ActivityFolder,
    run: &str,
    new: &DayParts<'_>,
    mut paths: Vec<PathBuf>,
) -> Result<ActivityDay, QueryFailure> {
    let known = new.noted.borrow().days.get(&new.day).cloned();
    let (mut number, mut is_first) = (0_u32, true);
    while paths.len() > OPEN_MAX {
        let mut fewer = Vec::new();
        for some in paths.chunks(OPEN_MAX) {
            let parent = some.first().and_then(|it| it.parent());
            let place = parent.unwrap_or(Path::new(""));
            let place = place.join(format!("joined-{number}.jsonl"));
            number += 1;
            join_lines(new, some, is_first, &place)?;
            fewer.push(place);
        }
        // the first pass already noted the merged rows in the manifest
        (paths, is_first) = (fewer, false);
    }
    let mut parts: Vec<Box<dyn Iterator<Item = Result<RowPiece, QueryFailure>> + '_>> = Vec::new();
    if let Some(entry) = &known {
        parts.push(Box::new(folder.activity_day(new.day, entry)?));
    }
    for path in &paths {
        parts.push(Box::new(new.lines(path, is_first)?));
    }
    let mut writer = folder.begin_day(new.day, run)?;
    merge_rows(parts, |piece| writer.piece(piece))?;
    writer.finish()
}

fn join_lines(
    new: &DayParts<'_>,
    paths: &[PathBuf],
    is_first: bool,
    to: &Path,
) -> Result<(), QueryFailure> {
    let unwritable = |it| QueryFailure::unwritable(to.display(), it);
    let parts: Result<Vec<_>, _> = paths.iter().map(|it| new.lines(it, is_first)).collect();
    let mut file = BufWriter::new(File::create(to).map_err(unwritable)?);
    merge_rows(parts?, |piece| {
        let line = piece_line(piece).map_err(QueryFailure::bug)?;
        writeln!(file, "{line}").map_err(unwritable)
    })?;
    file.flush().map_err(unwritable)?;
    for path in paths {
        fs::remove_file(path).map_err(|it| QueryFailure::unwritable(path.display(), it))?;
    }
    Ok(())
}

impl<'a> DayParts<'a> {
    /// Reads the pieces of a file. Events with a future time do not advance the end of the log:
    /// they prove nothing about earlier events.
    fn lines(
        &self,
        path: &Path,
        is_noted: bool,
    ) -> Result<impl Iterator<Item = Result<RowPiece, QueryFailure>> + use<'a>, QueryFailure> {
        let (day, now, noted, path) = (self.day, self.now, self.noted, path.to_path_buf());
        let file = File::open(&path).map_err(|it| QueryFailure::unreadable(path.display(), it))?;
        let lines = BufReader::new(file).lines();
        Ok(lines.map(move |line| {
            let broken = |it: &dyn std::fmt::Display| QueryFailure::unreadable(path.display(), it);
            let line = line.map_err(|it| broken(&it))?;
            let (key, facts) = read_line(&line).map_err(|it| broken(&it))?;
            if key.day != day {
                return Err(broken(&"it has a row of another day"));
            }
            if is_noted && facts.first_seen <= now {
                let mut noted = noted.borrow_mut();
                noted.note(&key.account_id, facts.first_seen, facts.last_seen.min(now));
            }
            Ok((key, facts))
        }))
    }
}
