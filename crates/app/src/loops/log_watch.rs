//! Checks that the database still has all audit records seen before
//! ([0119](../../../../docs/decisions/0119-only-end-access-after-database-loss.md)).
//!
//! Each node remembers the log's end and publishes a loss to the others. During a loss the leader
//! only ends access.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::host::server_store::ServerStore;
use crate::setup::waiting::rest;
use async_trait::async_trait;
use hallpass_access::ReadError;
use hallpass_channels::wording::health;
use hallpass_server::{Bearing, ProbeResult, ReadinessProbe};
use hallpass_store::{LogMemory, LostRecords};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// Records written since the last check are unknown to a node if leader and database are lost
/// together.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A new leader waits this long after a database server change or restart, so that nodes with newer
/// records can report them. A new process does not know the previous server.
const SETTLES_FOR: Duration = Duration::from_secs(3);

pub struct LogWatch {
    store: ServerStore,
    /// `None` if a single process uses the store.
    memory: Option<Arc<LogMemory>>,
    trouble: watch::Sender<Option<DatabaseTrouble>>,
    server: Mutex<KnownServer>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseTrouble {
    /// Seen records are missing: access only ends.
    Lost(LostRecords),
    LaterSchema(u32),
}

#[derive(Default)]
struct KnownServer {
    start: Option<String>,
    changed: Option<Instant>,
}

impl LogWatch {
    /// Stores its memory in `file` under the node's name; without a name, one process uses the
    /// store.
    pub fn open(store: &ServerStore, file: &Path, node: Option<&str>) -> Arc<Self> {
        let memory = node.map(|node| match LogMemory::in_file(file, node) {
            Ok(memory) => memory,
            Err(error) => {
                let shown = file.display();
                tracing::error!(%error, file = %shown, "the last seen state of the audit log cannot be read: the file is moved aside and a new one started");
                LogMemory::anew_in_file(file, node)
            }
        });
        Arc::new(Self {
            store: store.clone(),
            memory: memory.map(Arc::new),
            trouble: watch::Sender::new(None),
            server: Mutex::default(),
        })
    }

    /// The store with a check for lost records.
    pub fn heeding(&self, store: &ServerStore) -> ServerStore {
        match &self.memory {
            Some(memory) => store.heeding(memory),
            None => store.clone(),
        }
    }

    pub fn trouble(&self) -> watch::Receiver<Option<DatabaseTrouble>> {
        self.trouble.subscribe()
    }

    /// False if a later release has migrated the database.
    pub fn may_lead(&self) -> bool {
        !matches!(
            *self.trouble.borrow(),
            Some(DatabaseTrouble::LaterSchema(_))
        )
    }

    pub async fn settle(&self) {
        let Some(memory) = &self.memory else { return };
        loop {
            let looked = self.look(memory).await;
            let changed = self.server().changed;
            let waits = changed.is_some_and(|changed| changed.elapsed() < SETTLES_FOR);
            match looked {
                Ok(()) if !waits => return,
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(%error, "whether the audit log is as it was seen is not known");
                }
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn look(&self, memory: &Arc<LogMemory>) -> Result<(), ReadError> {
        let look = self.store.look_at_log(memory).await?;
        {
            let mut server = self.server();
            if server.start != look.server_start {
                server.changed = Some(Instant::now());
            }
            server.start = look.server_start;
        }
        if let (Some(_), None) = (&look.lost, look.later_schema) {
            self.store.tell_lost_records(memory).await?;
        }
        let later = look.later_schema.map(DatabaseTrouble::LaterSchema);
        let found = later.or(look.lost.map(DatabaseTrouble::Lost));
        let is_new = self.trouble.send_if_modified(|known| {
            let is_new = *known != found;
            known.clone_from(&found);
            is_new
        });
        match (is_new, &found) {
            (true, Some(trouble)) => tracing::error!("{}", words(trouble)),
            (true, None) => tracing::warn!("the database is correct again: work continues"),
            (false, _) => {}
        }
        Ok(())
    }

    fn server(&self) -> std::sync::MutexGuard<'_, KnownServer> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub async fn watch(watch: Arc<LogWatch>, mut stop: watch::Receiver<bool>) {
    loop {
        if let Some(memory) = &watch.memory
            && let Err(error) = watch.look(memory).await
        {
            tracing::debug!(%error, "whether the audit log is as it was seen is not known");
        }
        measure(watch.trouble.borrow().as_ref());
        if !rest(&mut stop, LOOK_EVERY).await {
            return;
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "records, far below 2^52")]
fn measure(trouble: Option<&DatabaseTrouble>) {
    let (lost, later) = match trouble {
        Some(DatabaseTrouble::Lost(lost)) => (lost.newest.seq.saturating_sub(lost.kept), 0.0),
        Some(DatabaseTrouble::LaterSchema(_)) => (0, 1.0),
        None => (0, 0.0),
    };
    metrics::gauge!("hallpass_log_lost_records").set(lost as f64);
    metrics::gauge!("hallpass_schema_is_later").set(later);
}

fn words(trouble: &DatabaseTrouble) -> String {
    match trouble {
        DatabaseTrouble::Lost(lost) => {
            health::log_went_back(lost.kept + 1, lost.newest.seq, &lost.node)
        }
        DatabaseTrouble::LaterSchema(version) => health::schema_is_later(*version),
    }
}

pub struct LogProbe(pub Arc<LogWatch>);

#[async_trait]
impl ReadinessProbe for LogProbe {
    async fn probe(&self) -> ProbeResult {
        let works = match (self.0.trouble.borrow().as_ref(), &self.0.memory) {
            (Some(trouble @ DatabaseTrouble::Lost(_)), _) => Err(words(trouble)),
            (Some(DatabaseTrouble::LaterSchema(_)) | None, Some(memory)) => {
                let newest = memory.newest().map_or(0, |newest| newest.seq);
                Ok(match memory.unkept() {
                    Some(unkept) => health::log_is_as_seen_for_now(newest, &unkept),
                    None => health::log_is_as_seen(newest),
                })
            }
            (Some(DatabaseTrouble::LaterSchema(_)) | None, None) => {
                Ok(health::LOG_OF_ONE.to_owned())
            }
        };
        ProbeResult { name: "log", works }
    }

    /// Pages still work; another node has no more records.
    fn bearing(&self) -> Bearing {
        Bearing::Advice
    }
}

/// Schema state for Health and readiness. A superseded node serves no user.
pub struct SchemaProbe(pub Arc<LogWatch>);

#[async_trait]
impl ReadinessProbe for SchemaProbe {
    async fn probe(&self) -> ProbeResult {
        let works = match self.0.trouble.borrow().as_ref() {
            Some(trouble @ DatabaseTrouble::LaterSchema(_)) => Err(words(trouble)),
            Some(DatabaseTrouble::Lost(_)) | None => Ok(health::SCHEMA_IS_OURS.to_owned()),
        };
        ProbeResult {
            name: "schema",
            works,
        }
    }
}
