//! Reads guard journals incrementally, and their statuses, for a server.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use hallpass_access::{GuardSource, Removals};
use hallpass_assignments::GuardRemoval;
use hallpass_audit::{Followed, Record};
use hallpass_guard::{Status, removal_of, whole_lines};

use super::{FILE_PATIENCE, JOURNAL, OneAtATime, STATUS};

/// Second timeout for a slow folder.
const STOOD_STILL: Duration = Duration::from_millis(400);

pub struct Journals {
    folder: PathBuf,
    /// Parsed state; the lock serializes reads.
    known: Arc<tokio::sync::Mutex<ReadJournals>>,
    latest: Arc<RwLock<Latest>>,
    said: OneAtATime,
}

#[derive(Default)]
struct Latest {
    removals: Arc<Removals>,
    /// Start of the last read.
    read_at: Option<Instant>,
    faults: Vec<String>,
    /// The folder timed out and has not responded since.
    is_silent: bool,
}

#[derive(Default)]
struct ReadJournals {
    files: BTreeMap<PathBuf, Journal>,
    revision: u64,
}

#[derive(Default)]
struct Journal {
    offset: u64,
    followed: Followed,
    fault: Option<String>,
}

impl Journals {
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            known: Arc::default(),
            latest: Arc::default(),
            said: OneAtATime::default(),
        }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn faults(&self) -> Vec<String> {
        read_lock(&self.latest).faults.clone()
    }

    pub async fn statuses(&self) -> Result<Vec<GuardObserved>, String> {
        let folder = self.folder.clone();
        match self.said.within(move || statuses(&folder)).await {
            Ok(read) => read.map_err(|error| error.to_string()),
            Err(why) => Err(why.to_owned()),
        }
    }

    /// Continues the read unless one started within `age`. Waits once for a hanging folder, such as
    /// a remote one; later calls do not block until it responds.
    async fn read(&self, age: Duration) {
        let asked = Instant::now();
        let is_fresh = move |latest: &RwLock<Latest>| {
            let read_at = read_lock(latest).read_at;
            read_at.is_some_and(|at| asked.saturating_duration_since(at) < age || at > asked)
        };
        if is_fresh(&self.latest) {
            return;
        }
        let (folder, known) = (self.folder.clone(), Arc::clone(&self.known));
        let latest = Arc::clone(&self.latest);
        let reading = async move {
            let mut known = known.lock_owned().await;
            let read = move || {
                if !is_fresh(&latest) {
                    known.read_into(&latest, &folder);
                }
            };
            tokio::task::spawn_blocking(read).await
        };
        let is_silent = read_lock(&self.latest).is_silent;
        let patience = if is_silent {
            Duration::ZERO
        } else {
            FILE_PATIENCE
        };
        tokio::pin!(reading);
        let read = tokio::time::timeout(patience, reading.as_mut()).await;
        if read.is_ok() || is_silent {
            return;
        }
        // if this process stalled, the folder responds now
        let read = tokio::time::timeout(STOOD_STILL, reading).await;
        if read.is_err() {
            write_lock(&self.latest).is_silent = true;
        }
    }
}

fn read_lock(latest: &RwLock<Latest>) -> RwLockReadGuard<'_, Latest> {
    // writes are atomic: usable after a panic elsewhere
    latest.read().unwrap_or_else(PoisonError::into_inner)
}

fn write_lock(latest: &RwLock<Latest>) -> RwLockWriteGuard<'_, Latest> {
    latest.write().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl GuardSource for Journals {
    async fn removals(&self, age: Duration) -> Arc<Removals> {
        self.read(age).await;
        Arc::clone(&read_lock(&self.latest).removals)
    }
}

impl ReadJournals {
    fn read_into(&mut self, latest: &RwLock<Latest>, folder: &Path) {
        // the process may stall during a read: date it by its start
        let read_at = Some(Instant::now());
        let (found, faults) = self.read_on(folder);
        let before = Arc::clone(&read_lock(latest).removals);
        let removals = if found.is_empty() {
            before
        } else {
            self.revision += u64::try_from(found.len()).unwrap_or(1);
            let all = before.iter().cloned().chain(found);
            Arc::new(Removals::new(self.revision, all))
        };
        *write_lock(latest) = Latest {
            removals,
            read_at,
            faults,
            is_silent: false,
        };
    }

    fn read_on(&mut self, folder: &Path) -> (Vec<GuardRemoval>, Vec<String>) {
        let (mut found, mut faults) = (Vec::new(), Vec::new());
        let entries = match files(folder, JOURNAL) {
            Ok(entries) => entries,
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
            // restarted: by another guard of the name, or tampering
            tracing::warn!(path = %path.display(), "a guard's journal was restarted");
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

#[derive(Clone, Debug)]
pub struct GuardObserved {
    pub name: String,
    pub said: Result<Status, String>,
}

fn statuses(folder: &Path) -> std::io::Result<Vec<GuardObserved>> {
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
        GuardObserved {
            name: name.unwrap_or_default(),
            said,
        }
    };
    Ok(files.into_iter().map(heard).collect())
}

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
