//! Sources of ends: the server's database, read-only, and the file that the server writes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use hallpass_audit::ExportSource;
use hallpass_base::HoldKey;
use hallpass_guard::{Ends, EndsCopy, EndsFault, EndsSource, Mark, Newest, Trust, read};
use hallpass_store::EndsReader;

use super::OneAtATime;

/// Pause after a store failure: each attempt may take a second, with many ends to read.
const STORE_REST: Duration = Duration::from_secs(2);
/// Bucket timeout; then the guard uses its last copy.
const OBJECT_PATIENCE: Duration = Duration::from_secs(5);

pub struct StoreEnds {
    reader: EndsReader,
    file: OneAtATime,
    failed: Mutex<Option<(Instant, String)>>,
}

impl StoreEnds {
    pub fn new(path: PathBuf) -> Self {
        Self {
            reader: EndsReader::new(path),
            file: OneAtATime::default(),
            failed: Mutex::default(),
        }
    }

    fn fault(&self, message: String) -> EndsFault {
        EndsFault::Unreadable {
            place: format!("the store `{}`", self.reader.path().display()),
            message,
        }
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&EndsReader) -> Result<T, hallpass_access::ReadError> + Send + 'static,
    ) -> Result<T, EndsFault> {
        let failed = |state: &Mutex<Option<(Instant, String)>>| {
            let state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.clone().filter(|(at, _)| at.elapsed() < STORE_REST)
        };
        if let Some((_, why)) = failed(&self.failed) {
            return Err(self.fault(why));
        }
        let reader = self.reader.clone();
        let answer = match self.file.within(move || question(&reader)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(error.to_string()),
            Err(why) => Err(why.to_owned()),
        };
        let mut state = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        *state = answer
            .as_ref()
            .err()
            .map(|why| (Instant::now(), why.clone()));
        drop(state);
        answer.map_err(|why| self.fault(why))
    }
}

#[async_trait]
impl Ends for StoreEnds {
    fn source(&self) -> EndsSource {
        EndsSource::Store
    }

    async fn read(&self) -> Result<EndsCopy, EndsFault> {
        let (head, ends) = self.ask(EndsReader::read).await?;
        Ok(EndsCopy::of_store(head.as_ref(), ends))
    }

    async fn newest(&self, key: &HoldKey) -> Result<Newest, EndsFault> {
        let key = key.clone();
        let (head, end) = self.ask(move |reader| reader.one(&key)).await?;
        Ok(Newest {
            mark: Mark::of(head.as_ref()),
            end,
        })
    }
}

/// Detects a replaced file.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    #[cfg(unix)]
    inode: u64,
}

impl Stamp {
    fn of(about: &fs::Metadata) -> Self {
        Self {
            modified: about.modified().ok(),
            length: about.len(),
            #[cfg(unix)]
            inode: std::os::unix::fs::MetadataExt::ino(about),
        }
    }
}

/// File of ends, reread when replaced.
pub struct FileEnds {
    path: PathBuf,
    trust: Trust,
    file: OneAtATime,
    known: Arc<Mutex<Option<(Stamp, EndsCopy)>>>,
}

impl FileEnds {
    pub fn new(path: PathBuf, trust: Trust) -> Self {
        Self {
            path,
            trust,
            file: OneAtATime::default(),
            known: Arc::default(),
        }
    }

    async fn copy(&self) -> Result<EndsCopy, EndsFault> {
        let (path, trust, known) = (self.path.clone(), self.trust, Arc::clone(&self.known));
        let read = self.file.within(move || {
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            let stamp = fs::metadata(&path)
                .map(|about| Stamp::of(&about))
                .map_err(|error| unreadable(&path, error.to_string()))?;
            if let Some((_, copy)) = known.as_ref().filter(|(seen, _)| *seen == stamp) {
                return Ok(copy.clone());
            }
            let copy = read_file(&path, trust)?;
            *known = Some((stamp, copy.clone()));
            Ok(copy)
        });
        match read.await {
            Ok(copy) => copy,
            Err(why) => Err(unreadable(&self.path, why.to_owned())),
        }
    }
}

/// File of ends in a bucket, reread every time.
pub struct ObjectEnds {
    source: Arc<dyn ExportSource>,
    name: String,
    shown: String,
    trust: Trust,
}

impl ObjectEnds {
    pub fn new(source: Arc<dyn ExportSource>, name: String, shown: String, trust: Trust) -> Self {
        Self {
            source,
            name,
            shown,
            trust,
        }
    }

    async fn copy(&self) -> Result<EndsCopy, EndsFault> {
        let fault = |message: String| EndsFault::Unreadable {
            place: self.shown.clone(),
            message,
        };
        let got = tokio::time::timeout(OBJECT_PATIENCE, self.source.get(&self.name)).await;
        match got {
            Ok(Ok(Some(bytes))) => read(&self.shown, &bytes, self.trust),
            Ok(Ok(None)) => Err(fault("there is no such object".to_owned())),
            Ok(Err(error)) => Err(fault(error.to_string())),
            Err(_) => Err(fault("no answer within 5 s".to_owned())),
        }
    }
}

#[async_trait]
impl Ends for ObjectEnds {
    fn source(&self) -> EndsSource {
        EndsSource::File
    }

    async fn read(&self) -> Result<EndsCopy, EndsFault> {
        self.copy().await
    }
}

fn unreadable(path: &Path, message: String) -> EndsFault {
    EndsFault::Unreadable {
        place: format!("`{}`", path.display()),
        message,
    }
}

/// Reads a file of ends. Blocks.
///
/// # Errors
/// If missing, incomplete or untrusted.
pub fn read_file(path: &Path, trust: Trust) -> Result<EndsCopy, EndsFault> {
    let bytes = fs::read(path).map_err(|error| unreadable(path, error.to_string()))?;
    read(&format!("`{}`", path.display()), &bytes, trust)
}

#[async_trait]
impl Ends for FileEnds {
    fn source(&self) -> EndsSource {
        EndsSource::File
    }

    async fn read(&self) -> Result<EndsCopy, EndsFault> {
        self.copy().await
    }
}
