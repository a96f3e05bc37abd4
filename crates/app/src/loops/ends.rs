//! Writes the file of ends for guards: managed access and its end times.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::host::server_store::ServerStore;
use crate::setup::waiting::rest;
use hallpass_assignments::{AssignmentStore as _, OwnedEnd};
use hallpass_audit::{AuditStore as _, ExportTarget, Signer};
use hallpass_base::{Clock, TimeSpan, Timestamp};
use hallpass_guard::{Mark, render};
use hallpass_store::FolderTarget;
use tokio::sync::watch;

const EVERY: Duration = Duration::from_millis(800);
/// Rewrite interval without changes: the file's age shows that the server is alive.
const ANEW: TimeSpan = TimeSpan::seconds(30);

/// The signer, or why the file is unsigned: an unsigned file is better than none.
pub type EndsSigner = Result<Arc<Signer>, String>;

#[derive(Clone)]
pub struct EndsFile {
    target: Arc<dyn ExportTarget>,
    name: String,
    signer: EndsSigner,
}

impl EndsFile {
    pub fn new(path: &Path, signer: EndsSigner) -> Self {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let folder = FolderTarget::new(path.parent().unwrap_or(Path::new(".")));
        let name = name.unwrap_or_else(|| "ends.jsonl".to_owned());
        Self::at(Arc::new(folder), name, signer)
    }

    pub fn at(target: Arc<dyn ExportTarget>, name: String, signer: EndsSigner) -> Self {
        Self {
            target,
            name,
            signer,
        }
    }

    pub fn unsigned(&self) -> Option<&str> {
        self.signer.as_ref().err().map(String::as_str)
    }
}

struct Written {
    at: Timestamp,
    mark: Mark,
    ends: Vec<OwnedEnd>,
}

pub async fn write(
    file: EndsFile,
    store: ServerStore,
    clock: Arc<dyn Clock>,
    mut stop: watch::Receiver<bool>,
) {
    let mut written: Option<Written> = None;
    let mut failing = false;
    loop {
        let result = write_once(&file, &store, clock.as_ref(), &mut written).await;
        match result {
            Ok(()) if failing => {
                tracing::info!(file = file.name, "the file of ends is written again");
                failing = false;
            }
            Err(why) if !failing => {
                tracing::error!(
                    file = file.name,
                    why,
                    "the file of ends cannot be written; remote guards keep using an older one"
                );
                failing = true;
            }
            Ok(()) | Err(_) => {}
        }
        if !rest(&mut stop, EVERY).await {
            return;
        }
    }
}

async fn write_once(
    file: &EndsFile,
    store: &ServerStore,
    clock: &dyn Clock,
    written: &mut Option<Written>,
) -> Result<(), String> {
    // read the log head first: the file may be newer than it claims, never older
    let head = store.head().await.map_err(|error| error.to_string())?;
    let mark = Mark::of(head.as_ref());
    let ends = store
        .owned_ends()
        .await
        .map_err(|error| error.to_string())?;
    let now = clock.now();
    let is_new = written.as_ref().is_none_or(|before| {
        let age = TimeSpan::between(before.at, now);
        // after a backward clock step the file is dated in the future
        before.ends != ends || before.mark != mark || age >= ANEW || before.at > now
    });
    if !is_new {
        return Ok(());
    }
    let signer = file.signer.as_deref().ok();
    let bytes = render(&ends, &mark, now, signer).map_err(|error| error.to_string())?;
    let put = file.target.replace(&file.name, &bytes).await;
    put.map_err(|error| error.to_string())?;
    *written = Some(Written {
        at: now,
        mark,
        ends,
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use hallpass_access::Change;
    use hallpass_guard::{Trust, read};
    use hallpass_store_testing::{account_key, at, own_one};

    use super::*;

    struct StoppedClock;

    impl Clock for StoppedClock {
        fn now(&self) -> Timestamp {
            at(100)
        }
    }

    #[tokio::test]
    async fn the_file_holds_what_is_ours_signed_and_is_written_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let store = ServerStore::open(folder.path().join("hallpass.db")).unwrap();
        let signer = Arc::new(Signer::from_seed(&[9; 32]).unwrap());
        let path = folder.path().join("audit/ends.jsonl");
        let file = EndsFile::new(&path, Ok(Arc::clone(&signer)));
        let mut written = None;
        let trust = Trust::Key(*signer.public());
        let copy = || read("f", &std::fs::read(&path).unwrap(), trust).unwrap();
        write_once(&file, &store, &StoppedClock, &mut written)
            .await
            .unwrap();
        assert_eq!(copy().ends, []);
        own_one(&store, Change::default()).await;
        write_once(&file, &store, &StoppedClock, &mut written)
            .await
            .unwrap();
        let found = copy();
        assert_eq!((found.mark.seq, found.at), (1, Some(at(100))));
        assert_eq!(found.ends.len(), 1);
        assert_eq!(found.ends[0].key, account_key(1, 1));
        std::fs::remove_file(&path).unwrap();
        write_once(&file, &store, &StoppedClock, &mut written)
            .await
            .unwrap();
        assert!(!path.exists());
    }
}
