//! What a server reads of guards: their journals, as they grow, and what they say of themselves.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use hallpass_access::{GuardSource, Removals};
use hallpass_assignments::GuardRemoval;
use hallpass_audit::{Followed, Record};
use hallpass_guard::{Status, removal_of, whole_lines};

use super::{JOURNAL, STATUS, within};

/// How old what is known may be when it is asked for.
const FRESH: Duration = Duration::from_millis(900);
/// How long whoever asks waits for the files. What is not read by then is read the next time.
const WAIT_MAX: Duration = Duration::from_millis(400);

/// The journals of a folder.
pub(crate) struct Journals {
    folder: PathBuf,
    /// What was read so far; whoever holds it reads.
    known: Arc<Mutex<ReadJournals>>,
    latest: Arc<RwLock<Latest>>,
}

#[derive(Default)]
struct Latest {
    removals: Arc<Removals>,
    read_at: Option<Instant>,
    faults: Vec<String>,
}

#[derive(Default)]
struct ReadJournals {
    files: BTreeMap<PathBuf, Journal>,
    revision: u64,
}

/// One journal, as far as it was read.
#[derive(Default)]
struct Journal {
    offset: u64,
    followed: Followed,
    /// Why it is not read on.
    fault: Option<String>,
}

impl Journals {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            known: Arc::default(),
            latest: Arc::default(),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Journals that cannot be read or believed, and why.
    pub(crate) fn faults(&self) -> Vec<String> {
        let latest = self.latest.read().unwrap_or_else(PoisonError::into_inner);
        latest.faults.clone()
    }

    /// What guards say of themselves, by the name of the file.
    pub(crate) async fn statuses(&self) -> Result<Vec<GuardHeard>, String> {
        let folder = self.folder.clone();
        match within(move || statuses(&folder)).await {
            Ok(read) => read.map_err(|error| error.to_string()),
            Err(why) => Err(why.to_owned()),
        }
    }

    async fn poll(&self) {
        let (folder, known, latest) = (
            self.folder.clone(),
            Arc::clone(&self.known),
            Arc::clone(&self.latest),
        );
        let read = tokio::task::spawn_blocking(move || {
            // somebody reads already: what they find is found
            let Ok(mut known) = known.try_lock() else {
                return;
            };
            let before = latest
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .removals
                .clone();
            let (found, faults) = known.read_on(&folder);
            let removals = if found.is_empty() {
                before
            } else {
                known.revision += u64::try_from(found.len()).unwrap_or(1);
                let all = before.iter().cloned().chain(found);
                Arc::new(Removals::new(known.revision, all))
            };
            *latest.write().unwrap_or_else(PoisonError::into_inner) = Latest {
                removals,
                read_at: Some(Instant::now()),
                faults,
            };
        });
        // a folder that hangs, such as one of another machine, holds up nobody
        let _late: Result<_, _> = tokio::time::timeout(WAIT_MAX, read).await;
    }
}

#[async_trait]
impl GuardSource for Journals {
    async fn removals(&self) -> Arc<Removals> {
        let is_fresh = {
            let latest = self.latest.read().unwrap_or_else(PoisonError::into_inner);
            latest.read_at.is_some_and(|at| at.elapsed() < FRESH)
        };
        if !is_fresh {
            self.poll().await;
        }
        let latest = self.latest.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&latest.removals)
    }
}

impl ReadJournals {
    /// New removals of every journal, and what is wrong with them.
    fn read_on(&mut self, folder: &Path) -> (Vec<GuardRemoval>, Vec<String>) {
        let (mut found, mut faults) = (Vec::new(), Vec::new());
        let entries = match files(folder, JOURNAL) {
            Ok(entries) => entries,
            // no guard was ever started
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return (found, faults),
            Err(error) => return (found, vec![format!("`{}`: {error}", folder.display())]),
        };
        for path in entries {
            let journal = self.files.entry(path.clone()).or_default();
            match journal.read_on(&path) {
                Ok(records) => found.extend(records.iter().filter_map(removal_of)),
                Err(error) => faults.push(format!("`{}`: {error}", path.display())),
            }
            if let Some(fault) = &journal.fault {
                faults.push(format!("`{}`: {fault}", path.display()));
            }
        }
        (found, faults)
    }
}

impl Journal {
    fn read_on(&mut self, path: &Path) -> std::io::Result<Vec<Record>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        if length < self.offset {
            // begun anew: by another guard of that name, or by somebody who should not have
            tracing::warn!(path = %path.display(), "a guard's journal begins anew");
            *self = Self::default();
        }
        if length == self.offset || self.fault.is_some() {
            return Ok(Vec::new());
        }
        file.seek(SeekFrom::Start(self.offset))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let (lines, _) = whole_lines(&bytes);
        let mut records = Vec::with_capacity(lines.len());
        for line in lines {
            let checked = Record::parse(line)
                .map_err(|error| error.to_string())
                .and_then(|record| match self.followed.step(&record) {
                    Ok(()) => Ok(record),
                    Err(fault) => Err(format!(
                        "record {} is {}: {}",
                        fault.seq, fault.kind, fault.detail
                    )),
                });
            match checked {
                Ok(record) => records.push(record),
                Err(fault) => {
                    tracing::error!(path = %path.display(), fault, "a guard's journal is broken and not read on");
                    self.fault = Some(fault);
                    break;
                }
            }
            self.offset += u64::try_from(line.len() + 1).unwrap_or(0);
        }
        Ok(records)
    }
}

/// A guard, as it was heard last.
#[derive(Clone, Debug)]
pub(crate) struct GuardHeard {
    /// Its name.
    pub(crate) name: String,
    /// What it said, or why that cannot be read.
    pub(crate) said: Result<Status, String>,
}

fn statuses(folder: &Path) -> std::io::Result<Vec<GuardHeard>> {
    let files = match files(folder, STATUS) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        files => files?,
    };
    let heard = |path: PathBuf| {
        let name = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        let said = fs::read(&path)
            .map_err(|error| error.to_string())
            .and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()));
        GuardHeard {
            name: name.unwrap_or_default(),
            said,
        }
    };
    Ok(files.into_iter().map(heard).collect())
}

/// The files of a folder with this ending, in the order of their names.
fn files(folder: &Path, ending: &str) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<PathBuf>>>()?;
    paths.retain(|path| path.extension().is_some_and(|found| found == ending));
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
#[path = "journals_tests.rs"]
mod tests;
