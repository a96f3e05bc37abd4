//! The outside world's randomness behind its port, and the cached directory.

use crate::host::random_ids::RandomIds;
use crate::host::server_store::ServerStore;
use hallpass_access::identity::IdentityRecord;
use hallpass_base::{AuditId, IdSource as _, Timestamp};
use hallpass_rules::directory::Snapshot;

/// A fresh secret of 256 bits, printable, with a prefix that secret scanners can find.
pub fn new_secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(format!("hpt_{}", hex::encode(bytes)))
}

/// The next record about somebody's tokens, sessions or sign-ins.
pub fn next_record(now: Timestamp) -> IdentityRecord {
    IdentityRecord {
        id: AuditId::new(RandomIds.next(now)),
        at: now,
    }
}

const SNAPSHOT_KEY: &str = "directory";
/// When that one was taken: small, for those who look whether there is another.
const TAKEN_KEY: &str = "directory-taken";

/// When the organization that is remembered was read, as far as that was said.
pub async fn cached_snapshot_taken(store: &ServerStore) -> Option<Timestamp> {
    let bytes = store.blob_get(TAKEN_KEY).await.ok().flatten()?;
    String::from_utf8(bytes).ok()?.parse().ok()
}

/// The organization as it was last read, so that a restart decides at once.
pub async fn cached_snapshot(store: &ServerStore) -> Option<Snapshot> {
    let bytes = store.blob_get(SNAPSHOT_KEY).await.ok().flatten()?;
    serde_json::from_slice(&bytes).ok()
}

/// Remembers the organization; whether that is stored.
pub async fn cache_snapshot(store: &ServerStore, snapshot: &Snapshot) -> bool {
    let Ok(bytes) = serde_json::to_vec(snapshot) else {
        return false;
    };
    let taken = snapshot.taken_at.map(|at| at.to_string());
    let stored = async {
        store.blob_put(SNAPSHOT_KEY, &bytes).await?;
        // CRASH: without this other nodes take it over with the next
        store
            .blob_put(TAKEN_KEY, taken.unwrap_or_default().as_bytes())
            .await
    };
    let stored = stored.await;
    if let Err(error) = &stored {
        tracing::warn!(error = %error, "the organization could not be remembered");
    }
    stored.is_ok()
}
