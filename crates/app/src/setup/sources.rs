use crate::host::random_ids::RandomIds;
use crate::host::server_store::ServerStore;
use hallpass_access::identity::IdentityRecord;
use hallpass_base::{AuditId, IdSource as _, Timestamp};
use hallpass_rules::directory::Snapshot;

/// 256 random bits, printable, with a prefix for secret scanners.
pub fn new_secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(format!("hpt_{}", hex::encode(bytes)))
}

pub fn next_record(now: Timestamp) -> IdentityRecord {
    IdentityRecord {
        id: AuditId::new(RandomIds.next(now)),
        at: now,
    }
}

const SNAPSHOT_KEY: &str = "directory";
const TAKEN_KEY: &str = "directory-taken";

pub async fn cached_snapshot_taken(store: &ServerStore) -> Option<Timestamp> {
    let bytes = store.blob_get(TAKEN_KEY).await.ok().flatten()?;
    String::from_utf8(bytes).ok()?.parse().ok()
}

/// The last read organization, so that a restart can decide immediately.
pub async fn cached_snapshot(store: &ServerStore) -> Option<Snapshot> {
    let bytes = store.blob_get(SNAPSHOT_KEY).await.ok().flatten()?;
    serde_json::from_slice(&bytes).ok()
}

pub async fn cache_snapshot(store: &ServerStore, snapshot: &Snapshot) -> bool {
    let Ok(bytes) = serde_json::to_vec(snapshot) else {
        return false;
    };
    let taken = snapshot.taken_at.map(|at| at.to_string());
    let stored = async {
        store.blob_put(SNAPSHOT_KEY, &bytes).await?;
        // CRASH: without this, other nodes load it with the next one
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
