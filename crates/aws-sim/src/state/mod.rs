//! The state log (`simulator.md` Z-5): accepted changes are appended, and are on disk before their
//! reply is sent; a restart plays them again. Since the machine is a function of its inputs, the
//! calls themselves are the log.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use hallpass_sim_base::Millis;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::core::{call::Call, caller::AwsCaller, state::SimState};

/// Records after which the log is folded into a new snapshot.
const RECORDS_PER_SNAPSHOT: u64 = 20_000;

/// One accepted change.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Record {
    /// Through an AWS API.
    Call {
        call: Box<Call>,
        caller: Box<AwsCaller>,
        now: Millis,
    },
    /// Through the control API.
    Command {
        name: String,
        body: Value,
        seq: u64,
        now: Millis,
    },
    /// The virtual clock moved.
    Clock {
        offset: Millis,
        frozen: Option<Millis>,
        now: Millis,
    },
}

/// What a snapshot holds beside the state.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub version: u32,
    pub seq: u64,
    pub offset: Millis,
    pub frozen: Option<Millis>,
    /// What `reset` goes back to.
    pub loaded: Value,
    pub state: SimState,
}

/// An open log.
pub(crate) struct StateLog {
    path: PathBuf,
    file: File,
    records: u64,
}

/// What was found in a log.
pub(crate) struct LoadedLog {
    pub snapshot: Snapshot,
    pub records: Vec<Record>,
}

/// Reads a log, if there is one. A last line that was cut off by a crash was never answered and
/// is left out.
///
/// # Errors
/// The file cannot be read, or what is in it is not a log.
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
    for line in lines {
        match serde_json::from_slice(&line?) {
            Ok(record) => records.push(record),
            Err(error) => {
                tracing::warn!(%error, "the state log ends in an unfinished record");
                break;
            }
        }
    }
    Ok(Some(LoadedLog { snapshot, records }))
}

impl StateLog {
    /// Starts a log with a snapshot, in place of whatever was there.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn start(path: &Path, snapshot: &Snapshot) -> io::Result<Self> {
        let fresh = path.with_extension("tmp");
        let mut writer = BufWriter::new(File::create(&fresh)?);
        serde_json::to_writer(&mut writer, snapshot)?;
        writer.write_all(b"\n")?;
        writer
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?
            .sync_all()?;
        // CRASH: before the rename the old log stands, after it the new one
        fs::rename(&fresh, path)?;
        let file = OpenOptions::new().append(true).open(path)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            records: 0,
        })
    }

    /// Appends a change and waits for the disk.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn append(&mut self, record: &Record) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        self.records += 1;
        self.file.sync_data()
    }

    /// Whether it is time for a new snapshot.
    pub(crate) fn is_long(&self) -> bool {
        self.records >= RECORDS_PER_SNAPSHOT
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}
