//! The process clock: starts after the newest record, and follows AWS.

use std::sync::Arc;

use crate::host::server_store::ServerStore;
use hallpass_audit::AuditStore;
use hallpass_aws::{Aws, DateListener};
use hallpass_base::Timestamp;
use hallpass_base::clock::{ANSWERS, HonestClock, ProcessClock, SystemClock};

pub async fn after_log(store: &ServerStore) -> Arc<ProcessClock> {
    Arc::new(HonestClock::new(SystemClock, newest_record(store).await))
}

pub async fn newest_record(store: &ServerStore) -> Option<Timestamp> {
    let head = store.head().await.ok().flatten()?;
    let newest = store.records_from(head.seq, 1).await.ok()?;
    let millisecond = newest.first()?.fields().get("timestamp")?.as_i64()?;
    Timestamp::from_millisecond(millisecond).ok()
}

pub fn listener(clock: &Arc<ProcessClock>) -> DateListener {
    let clock = Arc::clone(clock);
    Arc::new(move |dated| clock.hear(dated.date, dated.at))
}

/// Calls AWS until its responses agree on the time, a few times at most. Otherwise later calls set
/// it.
pub async fn settle(clock: &ProcessClock, aws: &Aws) {
    for _ in 0..ANSWERS {
        if clock.read().aws.is_some() {
            return;
        }
        if let Err(fault) = aws.ask_time().await {
            tracing::debug!(%fault, "AWS did not return the time");
        }
    }
}
