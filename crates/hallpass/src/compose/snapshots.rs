//! What snapshots say of access, for the pages: read when a newer one is there, and kept until then.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use hallpass_server::{AccessSnapshots, KnownAccess};
use tokio::sync::Mutex;

use crate::access_snapshots;

/// Snapshots in a folder.
struct InFolder {
    folder: PathBuf,
    /// The newest that was read. Who comes while it is read waits for it, and does not read it too.
    newest: Mutex<Option<Arc<KnownAccess>>>,
}

/// Snapshots in a folder.
pub(super) fn in_folder(folder: PathBuf) -> Arc<dyn AccessSnapshots> {
    let newest = Mutex::default();
    Arc::new(InFolder { folder, newest })
}

#[async_trait]
impl AccessSnapshots for InFolder {
    async fn newest(&self) -> Result<Option<Arc<KnownAccess>>, String> {
        let mut newest = self.newest.lock().await;
        let (folder, known) = (self.folder.clone(), newest.clone());
        let read = tokio::task::spawn_blocking(move || {
            let id = access_snapshots::newest(&folder)?;
            match (id, known) {
                (None, _) => Ok(None),
                (Some(id), Some(known)) if known.snapshot.id == id => Ok(Some(known)),
                (Some(id), _) => {
                    let read = access_snapshots::read(&folder, &id)?;
                    Ok(Some(Arc::new(KnownAccess::from(read))))
                }
            }
        });
        let read: std::io::Result<_> = read.await.map_err(|error| error.to_string())?;
        *newest = read.map_err(|error| error.to_string())?;
        Ok(newest.clone())
    }
}
