//! The outside world's randomness behind its port, and the cached directory.

use hallpass_identity::IdentityRecord;
use hallpass_model::{AuditId, IdSource, Timestamp};
use hallpass_rules::directory::Snapshot;
use hallpass_store::SqliteStore;
use uuid::Uuid;

/// UUIDs v7 with randomness from the operating system.
pub(crate) struct RandomIds;

impl IdSource for RandomIds {
    fn next(&self, now: Timestamp) -> Uuid {
        let mut random = [0_u8; 10];
        if getrandom::fill(&mut random).is_err() {
            // INVARIANT: without randomness ids could repeat, and the store would refuse them all
            tracing::error!("the operating system gives no randomness");
        }
        let millisecond = u64::try_from(now.as_millisecond()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millisecond, &random).into_uuid()
    }
}

/// A fresh secret of 256 bits, printable, with a prefix that secret scanners can find.
pub(crate) fn new_secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(format!("hpt_{}", hex::encode(bytes)))
}

/// The next record about somebody's tokens, sessions or sign-ins.
pub(crate) fn next_record(now: Timestamp) -> IdentityRecord {
    IdentityRecord {
        id: AuditId::new(RandomIds.next(now)),
        at: now,
    }
}

const SNAPSHOT_KEY: &str = "directory";

/// The organization as it was last read, so that a restart decides at once.
pub(crate) async fn cached_snapshot(store: &SqliteStore) -> Option<Snapshot> {
    let bytes = store.blob_get(SNAPSHOT_KEY).await.ok().flatten()?;
    serde_json::from_slice(&bytes).ok()
}

/// Remembers the organization.
pub(crate) async fn cache_snapshot(store: &SqliteStore, snapshot: &Snapshot) {
    let Ok(bytes) = serde_json::to_vec(snapshot) else {
        return;
    };
    if let Err(error) = store.blob_put(SNAPSHOT_KEY, &bytes).await {
        tracing::warn!(error = %error, "the organization could not be remembered");
    }
}
