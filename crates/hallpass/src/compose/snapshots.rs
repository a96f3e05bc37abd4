//! Access data of snapshots for the pages; reloaded when a newer one exists.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use hallpass_app::host::access_snapshots;
use hallpass_app::host::snapshots_at::{OpenSnapshots, SnapshotsAt};
use hallpass_server::{AccessSnapshots, KnownAccess};
use tokio::sync::Mutex;

const BUCKET_EVERY: Duration = Duration::from_secs(30);

struct KeptSnapshots {
    at: SnapshotsAt,
    /// Newest loaded; concurrent callers wait for one load.
    newest: Mutex<NewestAccess>,
}

#[derive(Default)]
struct NewestAccess {
    known: Option<Arc<KnownAccess>>,
    looked: Option<Instant>,
    open: Option<Arc<OpenSnapshots>>,
}

pub(super) fn kept(at: SnapshotsAt) -> Arc<dyn AccessSnapshots> {
    let newest = Mutex::default();
    Arc::new(KeptSnapshots { at, newest })
}

#[async_trait]
impl AccessSnapshots for KeptSnapshots {
    async fn newest(&self) -> Result<Option<Arc<KnownAccess>>, String> {
        let mut newest = self.newest.lock().await;
        let is_fresh = |at: Instant| self.at.is_remote() && at.elapsed() < BUCKET_EVERY;
        if newest.looked.is_some_and(is_fresh) {
            return Ok(newest.known.clone());
        }
        let open = match &newest.open {
            Some(open) => Arc::clone(open),
            None => Arc::new(
                OpenSnapshots::at(&self.at)
                    .await
                    .map_err(|error| error.to_string())?,
            ),
        };
        newest.open = Some(Arc::clone(&open));
        let known = newest.known.clone();
        // a 30 MB file: parse off the async threads
        let read = tokio::task::spawn_blocking(move || {
            tokio::runtime::Handle::current().block_on(newer(&open, known))
        });
        let read: std::io::Result<_> = read.await.map_err(|error| error.to_string())?;
        newest.known = read.map_err(|error| error.to_string())?;
        newest.looked = Some(Instant::now());
        Ok(newest.known.clone())
    }
}

async fn newer(
    at: &OpenSnapshots,
    known: Option<Arc<KnownAccess>>,
) -> std::io::Result<Option<Arc<KnownAccess>>> {
    let Some(id) = access_snapshots::newest(at).await? else {
        return Ok(None);
    };
    if let Some(known) = known.filter(|it| it.snapshot.id == id) {
        return Ok(Some(known));
    }
    let read = access_snapshots::read(at, &id).await?;
    Ok(Some(Arc::new(KnownAccess::from(read))))
}
