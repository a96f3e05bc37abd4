//! A run's rows by day before they join the table, written in parts to bound memory. The number of
//! parts has no effect on the result.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use hallpass_activity::{ActivityFold, ActivityRows, write_lines};
use hallpass_base::Timestamp;
use hallpass_terminal::exit::Failure;
use serde_json::json;

use super::ledger::ReadSource;

/// Maximum events in memory, plus one file's.
const EVENTS_MAX: u64 = 1_000_000;
const ROWS_MAX: usize = 30_000;

#[derive(Debug)]
pub(super) struct ActivityRun {
    path: PathBuf,
    id: String,
    fold: ActivityFold,
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

    pub(super) fn add(&mut self, source: ReadSource, fold: ActivityFold) -> Result<(), Failure> {
        self.waiting += fold.rows.events();
        self.fold.merge(fold);
        self.sources.push(source);
        if self.waiting > EVENTS_MAX || self.fold.rows.len() > ROWS_MAX {
            self.write_out()?;
        }
        Ok(())
    }

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

    /// Records without a row, by reason, and those without a user.
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
