//! Files of a guard's journal and memory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, TryLockError};

use async_trait::async_trait;
use hallpass_audit::{ExportTarget as _, Record};
use hallpass_guard::{Journal, JournalFault, Kept, KeptStore, Status, whole_lines};
use hallpass_store::{FolderTarget, make_private_file};

use super::{JOURNAL, STATUS, file_of, within};

const MEMORY: &str = "memory";

/// One record per line, each synced to disk.
pub struct JournalFile {
    path: PathBuf,
    /// Length of the complete part, once read. The lock guards the file.
    whole: Arc<Mutex<Option<u64>>>,
}

impl JournalFile {
    pub fn new(folder: &Path, name: &str) -> Self {
        Self {
            path: file_of(folder, name, JOURNAL),
            whole: Arc::default(),
        }
    }

    /// Runs `work` exclusively. A hanging file blocks only its other users.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path, &mut Option<u64>) -> io::Result<T> + Send + 'static,
    ) -> Result<T, JournalFault> {
        let (path, whole) = (self.path.clone(), Arc::clone(&self.whole));
        let done = within(move || match whole.try_lock() {
            Ok(mut whole) => work(&path, &mut whole).map_err(|error| error.to_string()),
            Err(TryLockError::WouldBlock) => Err("the file does not answer".to_owned()),
            Err(TryLockError::Poisoned(_)) => Err("interrupted".to_owned()),
        });
        match done.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(message)) => Err(self.fault(message)),
            Err(message) => Err(self.fault(message.to_owned())),
        }
    }

    fn fault(&self, message: String) -> JournalFault {
        JournalFault {
            place: self.path.display().to_string(),
            message,
        }
    }
}

/// Reads all complete records; truncates an incomplete one.
fn read_whole(path: &Path, whole: &mut Option<u64>) -> io::Result<Vec<Record>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    let (lines, torn) = whole_lines(&bytes);
    let parsed = lines.iter().map(|line| Record::parse(line));
    let records = parsed
        .collect::<Result<Vec<Record>, _>>()
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
    let length = torn.map_or(bytes.len(), |torn| torn.whole);
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    if torn.is_some() {
        tracing::warn!(path = %path.display(), "the incomplete last record of the journal is dropped");
        OpenOptions::new().write(true).open(path)?.set_len(length)?;
    }
    *whole = Some(length);
    Ok(records)
}

fn append(path: &Path, whole: &mut Option<u64>, line: &[u8]) -> io::Result<()> {
    if whole.is_none() {
        read_whole(path, whole)?;
    }
    let end = whole.unwrap_or(0);
    let is_new = end == 0 && !path.exists();
    if is_new {
        drop(make_private_file(path)?);
    }
    let mut file = OpenOptions::new().write(true).open(path)?;
    // unknown until complete: after an error the next user rereads
    *whole = None;
    file.set_len(end)?;
    file.seek(SeekFrom::Start(end))?;
    // CRASH: the next reader truncates an incomplete line
    file.write_all(line)?;
    file.sync_data()?;
    if is_new {
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
    }
    *whole = Some(end + u64::try_from(line.len()).unwrap_or(0));
    Ok(())
}

#[async_trait]
impl Journal for JournalFile {
    async fn records(&self) -> Result<Vec<Record>, JournalFault> {
        self.with(read_whole).await
    }

    async fn last(&self) -> Result<Option<Record>, JournalFault> {
        let mut records = self.with(read_whole).await?;
        Ok(records.pop())
    }

    async fn append(&self, record: &Record) -> Result<(), JournalFault> {
        let line = format!("{}\n", record.canonical());
        self.with(move |path, whole| append(path, whole, line.as_bytes()))
            .await
    }
}

/// Memory and status, each replaced atomically.
pub struct GuardFiles {
    folder: PathBuf,
    name: String,
    target: FolderTarget,
}

impl GuardFiles {
    pub fn new(folder: &Path, name: &str) -> Self {
        Self {
            folder: folder.to_path_buf(),
            name: name.to_owned(),
            target: FolderTarget::new(folder),
        }
    }

    async fn put(&self, ending: &str, bytes: Vec<u8>) -> Result<(), JournalFault> {
        let key = format!("{}.{ending}", self.name);
        let put = self.target.replace(&key, &bytes);
        match tokio::time::timeout(super::FILE_PATIENCE, put).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.fault(ending, error.to_string())),
            Err(_) => Err(self.fault(ending, "no answer within 3 s".to_owned())),
        }
    }

    fn fault(&self, ending: &str, message: String) -> JournalFault {
        JournalFault {
            place: file_of(&self.folder, &self.name, ending)
                .display()
                .to_string(),
            message,
        }
    }

    pub async fn publish(&self, status: &Status) -> Result<(), JournalFault> {
        let bytes =
            serde_json::to_vec(status).map_err(|error| self.fault(STATUS, error.to_string()))?;
        self.put(STATUS, bytes).await
    }
}

#[async_trait]
impl KeptStore for GuardFiles {
    async fn load(&self) -> Result<Kept, JournalFault> {
        let path = file_of(&self.folder, &self.name, MEMORY);
        let bytes = match within(move || fs::read(path)).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(Kept::default()),
            Ok(Err(error)) => return Err(self.fault(MEMORY, error.to_string())),
            Err(why) => return Err(self.fault(MEMORY, why.to_owned())),
        };
        serde_json::from_slice(&bytes).map_err(|error| self.fault(MEMORY, error.to_string()))
    }

    async fn keep(&self, kept: &Kept) -> Result<(), JournalFault> {
        let bytes =
            serde_json::to_vec(kept).map_err(|error| self.fault(MEMORY, error.to_string()))?;
        self.put(MEMORY, bytes).await
    }
}

#[cfg(test)]
mod tests {
    use hallpass_audit::{Draft, Event, Head, Origin, seal};
    use hallpass_base::{AuditId, Timestamp};

    use super::*;

    fn record(n: u128, before: Option<&Record>) -> Record {
        let at = Timestamp::from_second(1_780_000_000).unwrap();
        let id = AuditId::new(uuid::Uuid::from_u128(7 << 76 | 1 << 63 | n));
        let draft = Draft::new(id, Event::GuardLooked, at, "g", Origin::System);
        let head = before.map(|before| Head {
            seq: before.seq(),
            hash: before.hash().to_owned(),
            time: at,
        });
        seal(draft, head.as_ref()).unwrap()
    }

    #[tokio::test]
    async fn a_journal_goes_on_after_a_torn_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = file_of(folder.path(), "g", JOURNAL);
        let first = record(1, None);
        let journal = JournalFile::new(folder.path(), "g");
        assert_eq!(journal.last().await.unwrap(), None);
        journal.append(&first).await.unwrap();
        let second = record(2, Some(&first));
        let line = second.canonical().as_bytes();
        for cut in [1, line.len() / 2, line.len()] {
            let mut file = OpenOptions::new().append(true).open(&path).unwrap();
            file.write_all(&line[..cut]).unwrap();
            let next = JournalFile::new(folder.path(), "g");
            assert_eq!(
                next.records().await.unwrap(),
                std::slice::from_ref(&first),
                "cut at {cut}"
            );
        }
        let next = JournalFile::new(folder.path(), "g");
        next.append(&second).await.unwrap();
        assert_eq!(next.last().await.unwrap(), Some(second.clone()));
        assert_eq!(journal.records().await.unwrap(), [first, second]);
    }

    #[tokio::test]
    async fn a_journal_that_cannot_be_written_says_so_and_goes_on_when_it_can() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("gone");
        let journal = JournalFile::new(&below, "g");
        let first = record(1, None);
        assert!(journal.append(&first).await.is_err());
        fs::create_dir(&below).unwrap();
        journal.append(&first).await.unwrap();
        assert_eq!(journal.last().await.unwrap(), Some(first));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let about = fs::metadata(file_of(&below, "g", JOURNAL)).unwrap();
            assert_eq!(about.permissions().mode() & 0o777, 0o600);
        }
    }
}
