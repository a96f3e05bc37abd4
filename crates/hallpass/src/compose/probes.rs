//! What readiness asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use hallpass_access::{Access, DirectorySource};
use hallpass_aws::Inventory;
use hallpass_model::{Clock, Span, Timestamp};
use hallpass_server::{Probe, ProbeResult};

/// A loop that has not come round for this long is late.
const LATE_AFTER: Span = Span::minutes(2);

/// When the executor last came round.
pub(crate) struct Pulse {
    clock: Arc<dyn Clock>,
    last: AtomicI64,
}

impl Pulse {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let now = clock.now().as_second();
        Self {
            clock,
            last: AtomicI64::new(now),
        }
    }

    pub(crate) fn beat(&self) {
        self.last
            .store(self.clock.now().as_second(), Ordering::Relaxed);
    }

    /// Time since the last beat.
    pub(crate) fn age(&self) -> Span {
        let last = Timestamp::from_second(self.last.load(Ordering::Relaxed));
        Span::between(last.unwrap_or(Timestamp::UNIX_EPOCH), self.clock.now())
    }
}

pub(crate) struct StoreProbe(pub(crate) Arc<Access>);

#[async_trait]
impl Probe for StoreProbe {
    async fn probe(&self) -> ProbeResult {
        let works = match self.0.counts(Span::minutes(5)).await {
            Ok(counts) => Ok(format!(
                "{} grants overdue, {} stuck",
                counts.overdue, counts.stuck
            )),
            Err(error) => Err(error.to_string()),
        };
        ProbeResult {
            name: "store",
            works,
        }
    }
}

pub(crate) struct AwsProbe {
    pub(crate) directory: Arc<Inventory>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) max_age: Span,
}

#[async_trait]
impl Probe for AwsProbe {
    async fn probe(&self) -> ProbeResult {
        let taken = self.directory.current().taken_at();
        let works = match taken.map(|taken| Span::between(taken, self.clock.now())) {
            None => Err("the organization was not read yet".to_owned()),
            // two refreshes may fail before this says so
            Some(age) if age > Span::seconds(self.max_age.as_seconds() * 3) => {
                Err(format!("the organization was last read {age} ago"))
            }
            Some(age) => Ok(format!("the organization was read {age} ago")),
        };
        ProbeResult { name: "aws", works }
    }
}

pub(crate) struct ReconcilerProbe(pub(crate) Arc<Pulse>);

#[async_trait]
impl Probe for ReconcilerProbe {
    async fn probe(&self) -> ProbeResult {
        let age = self.0.age();
        let works = if age > LATE_AFTER {
            Err(format!("assignments were last tended {age} ago"))
        } else {
            Ok(format!("assignments were tended {age} ago"))
        };
        ProbeResult {
            name: "reconciler",
            works,
        }
    }
}
