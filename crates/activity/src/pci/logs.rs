//! Reading logs into a fold: file by file, and what is broken is named and skipped.

use std::io::{self, Read};

use super::coverage::LogCoverage;
use super::events::PciEvent;
use super::fold::PciFold;
use crate::log::{
    DayFolder, EventNames, LogFault, LogFiles, LogScope, ReadCount, folders, read_log,
};

/// A file's events wait for its end, as those of a broken file do not count; of a file with more, these count before
/// its end is seen.
const WAITING_MAX: usize = 65_536;

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadLog {
    /// Its path.
    pub path: String,
    /// What was in it; nothing where it is broken.
    pub count: ReadCount,
    /// Why it was skipped.
    pub fault: Option<LogFault>,
}

/// What became of all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadLogs {
    /// How many were read.
    pub files: u64,
    /// What was in them.
    pub count: ReadCount,
    /// How many were skipped.
    pub broken: u64,
    /// The days that were read.
    pub coverage: LogCoverage,
}

impl ReadLogs {
    /// Takes note of a file.
    pub fn add(&mut self, log: &ReadLog) {
        if log.fault.is_some() {
            self.broken += 1;
            return;
        }
        self.files += 1;
        self.count.records += log.count.records;
        self.count.wanted += log.count.wanted;
        self.count.bytes += log.count.bytes;
    }
}

/// Adds a file to what is known.
pub fn read_file(path: &str, bytes: impl Read, names: &EventNames, fold: &mut PciFold) -> ReadLog {
    let mut waiting: Vec<PciEvent> = Vec::new();
    let read = read_log(bytes, names, |record| {
        if waiting.len() == WAITING_MAX {
            waiting.drain(..).for_each(|it| fold.add(it));
        }
        waiting.push(fold.event(record));
    });
    let (count, fault) = match read {
        Ok(count) => {
            for event in waiting {
                fold.add(event);
            }
            (count, None)
        }
        Err(fault) => (ReadCount::default(), Some(fault)),
    };
    ReadLog {
        path: path.to_owned(),
        count,
        fault,
    }
}

/// Adds the files of a trail that are asked for. `each` hears of every file when it was read.
///
/// # Errors
/// A folder cannot be listed: what is missing then is not known.
pub fn read_folder(
    files: &dyn LogFiles,
    scope: &LogScope,
    fold: &mut PciFold,
    each: &mut dyn FnMut(&ReadLog),
) -> io::Result<ReadLogs> {
    let names = fold.rules().names();
    let mut all = ReadLogs::default();
    folders(files, scope, &mut |folder: DayFolder| {
        let logs = folder.logs(files)?;
        files.ahead(&logs);
        for path in logs.into_iter().map(|it| it.path) {
            let log = match files.open(&path) {
                Ok(bytes) => read_file(&path, bytes, &names, fold),
                Err(error) => ReadLog {
                    path,
                    count: ReadCount::default(),
                    fault: Some(LogFault::of(&error)),
                },
            };
            all.add(&log);
            match log.fault {
                Some(_) => all.coverage.add_broken(&folder.region, folder.day),
                None => all.coverage.add_read(&folder.region, folder.day),
            }
            each(&log);
        }
        Ok(())
    })?;
    Ok(all)
}
