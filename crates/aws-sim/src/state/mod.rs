//! The state log (`simulator.md` Z-5): appends accepted changes to disk before their reply; a
//! restart replays them. The machine is a function of its inputs, so the log contains the calls.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use crate::base::Millis;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::core::{call::Call, caller::AwsCaller, state::SimState};

const RECORDS_PER_SNAPSHOT: u64 = 20_000;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Record {
    Call {
        call: Box<Call>,
        caller: Box<AwsCaller>,
        now: Millis,
    },
    Command {
        name: String,
        body: Value,
        seq: u64,
        now: Millis,
    },
    Clock {
        offset: Millis,
        frozen: Option<Millis>,
        now: Millis,
    },
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub version: u32,
    pub seq: u64,
    pub offset: Millis,
    pub frozen: Option<Millis>,
    /// The file that `reset` reloads.
    pub loaded: Value,
    pub state: SimState,
}

pub(crate) struct StateLog {
    path: PathBuf,
    file: File,
    records: u64,
    good: u64,
}

pub(crate) struct LoadedLog {
    pub snapshot: Snapshot,
    pub records: Vec<Record>,
}

/// Reads a log, if any. Ignores an incomplete last line: a crash prevented its reply.
///
/// # Errors
/// The file is unreadable or not a log, or an earlier record is broken: overwriting would lose its
/// successors.
pub(crate) fn read(path: &Path) -> io::Result<Option<LoadedLog>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut lines = BufReader::new(file).split(b'\n');
    let Some(first) = lines.next().transpose()? else {
        return Ok(None);
    };
    let snapshot: Snapshot = serde_json::from_slice(&first)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    let mut records = Vec::new();
    let mut unfinished: Option<(usize, serde_json::Error)> = None;
    for (number, line) in (2..).zip(lines) {
        let line = line?;
        if let Some((number, error)) = unfinished {
            let text = format!("record in line {number}, which is not the last: {error}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        match serde_json::from_slice(&line) {
            Ok(record) => records.push(record),
            Err(error) => unfinished = Some((number, error)),
        }
    }
    if let Some((_, error)) = unfinished {
        tracing::warn!(%error, "the state log ends in an unfinished record");
    }
    Ok(Some(LoadedLog { snapshot, records }))
}

/// A new file name is durable only after a sync of its folder.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

impl StateLog {
    /// Starts a log with a snapshot, replacing any log.
    pub(crate) fn start(path: &Path, snapshot: &Snapshot) -> io::Result<Self> {
        let fresh = path.with_extension("tmp");
        let mut writer = BufWriter::new(File::create(&fresh)?);
        serde_json::to_writer(&mut writer, snapshot)?;
        writer.write_all(b"\n")?;
        writer
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?
            .sync_all()?;
        // CRASH: before the rename the old log exists, after it the new one
        fs::rename(&fresh, path)?;
        sync_folder(path)?;
        let file = OpenOptions::new().append(true).open(path)?;
        let good = file.metadata()?.len();
        Ok(Self {
            path: path.to_owned(),
            file,
            records: 0,
            good,
        })
    }

    /// Appends a change and syncs it.
    ///
    /// # Errors
    /// A failed write. Its part is truncated, now or before the next record.
    pub(crate) fn append(&mut self, record: &Record) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        // a part that could not be truncated then
        if self.file.metadata()?.len() != self.good {
            self.file.set_len(self.good)?;
        }
        let written = self
            .file
            .write_all(&line)
            .and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            let _ = self.file.set_len(self.good);
            return Err(error);
        }
        self.good += u64::try_from(line.len()).unwrap_or(0);
        self.records += 1;
        Ok(())
    }

    /// Whether a new snapshot is due.
    pub(crate) fn is_long(&self) -> bool {
        self.records >= RECORDS_PER_SNAPSHOT
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(now: Millis) -> Record {
        Record::Clock {
            offset: 0,
            frozen: None,
            now,
        }
    }

    fn instants(path: &Path) -> io::Result<Vec<Millis>> {
        let found = read(path)?.unwrap();
        let at = |record: &Record| match record {
            Record::Clock { now, .. } => *now,
            Record::Call { .. } | Record::Command { .. } => 0,
        };
        Ok(found.records.iter().map(at).collect())
    }

    #[test]
    fn half_a_record_does_not_spoil_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.log");
        let mut log = StateLog::start(&path, &Snapshot::default()).unwrap();
        log.append(&clock(1)).unwrap();
        // as after a full disk
        let mut other = OpenOptions::new().append(true).open(&path).unwrap();
        other.write_all(b"{\"Clock\":{\"off").unwrap();
        log.append(&clock(2)).unwrap();
        log.append(&clock(3)).unwrap();
        assert_eq!(instants(&path).unwrap(), [1, 2, 3]);
    }

    #[test]
    fn a_record_that_could_not_be_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.log");
        let mut log = StateLog::start(&path, &Snapshot::default()).unwrap();
        log.append(&clock(1)).unwrap();
        let writable = std::mem::replace(&mut log.file, File::open(&path).unwrap());
        assert!(log.append(&clock(2)).is_err());
        log.file = writable;
        log.append(&clock(3)).unwrap();
        assert_eq!(instants(&path).unwrap(), [1, 3]);
    }

    #[test]
    fn only_the_last_record_may_be_unfinished() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.log");
        let mut log = StateLog::start(&path, &Snapshot::default()).unwrap();
        for now in [1, 2, 3] {
            log.append(&clock(now)).unwrap();
        }
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, whole.trim_end().trim_end_matches('}')).unwrap();
        assert_eq!(instants(&path).unwrap(), [1, 2]);
        let spoilt = whole.replacen("\"now\":2", "\"now\":", 1);
        fs::write(&path, &spoilt).unwrap();
        let error = instants(&path).unwrap_err().to_string();
        assert!(
            error.contains("record in line 3, which is not the last"),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), spoilt);
    }
}
