//! Reads logs into a fold, file by file; broken files are reported and skipped.

use std::io::{self, Read};

use super::coverage::LogCoverage;
use super::events::PciEvent;
use super::fold::PciFold;
use crate::log::{
    DayFolder, EventNames, LogFault, LogFiles, LogScope, ReadCount, folders, read_log,
};

/// Events wait for the end of their file, since those of a broken file do not count; beyond this
/// many, they count early.
const WAITING_MAX: usize = 65_536;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadLog {
    pub path: String,
    /// Empty for a broken file.
    pub count: ReadCount,
    pub fault: Option<LogFault>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadLogs {
    pub files: u64,
    pub count: ReadCount,
    pub broken: u64,
    pub coverage: LogCoverage,
}

impl ReadLogs {
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

/// Reads the selected files of a trail. Calls `each` after every file.
///
/// # Errors
/// A folder cannot be listed: the missing part is unknown.
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
