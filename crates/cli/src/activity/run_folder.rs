//! What a run has read, on its way into the table: rows by day, written out when there are too many for memory. In how
//! many parts makes no difference, as rows are joined.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use hallpass_activity::{ActivityFold, ActivityRows, write_lines};
use hallpass_base::Timestamp;
use hallpass_terminal::exit::Failure;
use serde_json::json;

use super::ledger::ReadSource;

/// So many events are in memory at most, and those of one file.
const EVENTS_MAX: u64 = 1_000_000;
/// And so many rows: one has texts, and is as large as a hundred events.
const ROWS_MAX: usize = 30_000;

/// The folder of a run.
#[derive(Debug)]
pub(super) struct ActivityRun {
    path: PathBuf,
    id: String,
    fold: ActivityFold,
    /// Events that are in memory; of copies each is counted.
    waiting: u64,
    parts: u64,
    pub(super) sources: Vec<ReadSource>,
}

impl ActivityRun {
    pub(super) fn begin(runs: &Path, id: &str) -> Result<Self, Failure> {
        let path = runs.join(id);
        make_private(&path.join("rows"))?;
        Ok(Self {
            path,
            id: id.to_owned(),
            fold: ActivityFold::default(),
            waiting: 0,
            parts: 0,
            sources: Vec::new(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes a file's records.
    pub(super) fn add(&mut self, source: ReadSource, fold: ActivityFold) -> Result<(), Failure> {
        self.waiting += fold.rows.events();
        self.fold.merge(fold);
        self.sources.push(source);
        if self.waiting > EVENTS_MAX || self.fold.rows.len() > ROWS_MAX {
            self.write_out()?;
        }
        Ok(())
    }

    /// Writes the last rows, and what the run is.
    pub(super) fn finish(&mut self, now: Timestamp) -> Result<(), Failure> {
        self.write_out()?;
        let mut list = String::new();
        for source in &self.sources {
            list.push_str(&serde_json::to_string(source).map_err(Failure::bug)?);
            list.push('\n');
        }
        self.write("sources.jsonl", list.as_bytes())?;
        let about = json!({ "run": self.id, "finished": now });
        self.write("run.json", about.to_string().as_bytes())
    }

    /// Records that are in no row, by why, and those that name nobody.
    pub(super) fn counts(&self) -> (Vec<(&'static str, u64)>, u64) {
        let uncounted = self.fold.uncounted.iter();
        let uncounted = uncounted.map(|(why, count)| (why.name(), *count));
        (uncounted.collect(), self.fold.unattributed)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let place = self.path.join(name);
        let written = private(&place).and_then(|mut it| it.write_all(bytes));
        written.map_err(|error| Failure::unwritable(place.display(), &error))
    }

    fn write_out(&mut self) -> Result<(), Failure> {
        let rows = std::mem::take(&mut self.fold.rows);
        let part = self.parts;
        self.parts += 1;
        self.waiting = 0;
        self.write_rows(&rows, part)
    }

    fn write_rows(&self, rows: &ActivityRows, part: u64) -> Result<(), Failure> {
        let mut open: Option<(jiff::civil::Date, PathBuf, BufWriter<fs::File>)> = None;
        // rows are in the order of their days
        for (key, facts) in rows.iter() {
            if open.as_ref().is_none_or(|(day, _, _)| *day != key.day) {
                close(open.take())?;
                let folder = self.path.join("rows").join(key.day.to_string());
                make_private(&folder)?;
                let place = folder.join(format!("{part}.jsonl"));
                let file = private(&place)
                    .map_err(|error| Failure::unwritable(place.display(), &error))?;
                open = Some((key.day, place, BufWriter::new(file)));
            }
            let Some((_, place, file)) = &mut open else {
                continue;
            };
            for line in write_lines(key, facts) {
                let line = line.map_err(Failure::bug)?;
                writeln!(file, "{line}")
                    .map_err(|error| Failure::unwritable(place.display(), &error))?;
            }
        }
        close(open)
    }
}

fn close(open: Option<(jiff::civil::Date, PathBuf, BufWriter<fs::File>)>) -> Result<(), Failure> {
    let Some((_, place, mut file)) = open else {
        return Ok(());
    };
    let flushed = file.flush();
    flushed.map_err(|error| Failure::unwritable(place.display(), &error))
}

fn make_private(folder: &Path) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| Failure::unwritable(folder.display(), &error))
}

fn private(place: &Path) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(place)
}
