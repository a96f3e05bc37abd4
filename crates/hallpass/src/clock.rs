//! The one place where the binary asks the system what time it is, and the honest time made of it.

use crate::server_store::ServerStore;
use std::sync::Arc;

use hallpass_audit::AuditStore;
use hallpass_aws::{Aws, DateListener};
use hallpass_clock::{ANSWERS, HonestClock};
use hallpass_model::{Clock, Timestamp};

/// The system's clock, UTC.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the driver's clock; everything else gets `now` from here"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The current instant by the system's clock.
pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

/// The time of a process: that of the system, held against its monotonic clock and AWS's answers.
pub(crate) type ProcessClock = HonestClock<SystemClock>;

/// A clock that begins no earlier than the newest record of the log, unless that lies in the future.
pub(crate) async fn after_log(store: &ServerStore) -> Arc<ProcessClock> {
    Arc::new(HonestClock::new(SystemClock, newest_record(store).await))
}

/// The instant of the newest record of the log.
pub(crate) async fn newest_record(store: &ServerStore) -> Option<Timestamp> {
    let head = store.head().await.ok().flatten()?;
    let newest = store.records_from(head.seq, 1).await.ok()?;
    let millisecond = newest.first()?.fields().get("timestamp")?.as_i64()?;
    Timestamp::from_millisecond(millisecond).ok()
}

/// Tells a clock of every answer of AWS.
pub(crate) fn listener(clock: &Arc<ProcessClock>) -> DateListener {
    let clock = Arc::clone(clock);
    Arc::new(move |dated| clock.hear(dated.date, dated.at))
}

/// Asks AWS until its answers agree on the time, a few times at most. A process that goes on without
/// learns it from the calls it makes.
pub(crate) async fn settle(clock: &ProcessClock, aws: &Aws) {
    for _ in 0..ANSWERS {
        if clock.read().aws.is_some() {
            return;
        }
        if let Err(fault) = aws.ask_time().await {
            tracing::debug!(%fault, "AWS did not say what time it is");
        }
    }
}
