//! Carries plans out: lease, look or act, record, until the row rests.
//!
//! Every effect is preceded by a stored intent and followed by a stored outcome, so the process
//! may stop between any two lines of this file.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use hallpass_model::{Clock, IdSource, Span, Target, Timestamp, UserId};
use tokio::sync::Mutex;

use crate::{
    Action, AssignmentStore, Begin, CenterFault, IdentityCenter, Lease, Leased, OperationKind,
    Outcome, Row, StoreFault, Urgency, next,
};

/// Bounds of one executor.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Rows taken per tick.
    pub batch: u32,
    /// Rows worked on at the same time.
    pub concurrency: usize,
    /// Outstanding asynchronous writes; AWS allows 10 per instance (IAM Identity Center quotas).
    pub outstanding: u32,
    /// Of those, how many creates may use; the rest is kept for removals.
    pub outstanding_creates: u32,
    /// How long a lease lasts. Several times the longest call.
    pub lease: Span,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch: 64,
            concurrency: 8,
            outstanding: 10,
            outstanding_creates: 8,
            lease: Span::seconds(90),
        }
    }
}

/// Steps a row may take in one tick; bounds the work done under one lease.
const STEPS_MAX: u32 = 16;
/// Nothing is sent in the last part of a lease: a call may take this long (promise P5, fencing).
const CALL_MAX: Span = Span::seconds(20);

/// What a tick did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TickReport {
    /// Rows taken.
    pub rows: u32,
    /// Steps carried out.
    pub steps: u32,
    /// Rows that could not be recorded; somebody else has them, or the store failed.
    pub dropped: u32,
}

/// The only writer to Identity Center.
pub struct Executor {
    store: Arc<dyn AssignmentStore>,
    center: Arc<dyn IdentityCenter>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    limits: Limits,
}

type Listings = Mutex<BTreeMap<Target, Listing>>;

/// One listing serves every row of its target within a tick.
struct Listing {
    at: Timestamp,
    holders: Result<HashSet<UserId>, CenterFault>,
}

impl Executor {
    /// An executor over these ports.
    pub fn new(
        store: Arc<dyn AssignmentStore>,
        center: Arc<dyn IdentityCenter>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        limits: Limits,
    ) -> Self {
        Self {
            store,
            center,
            clock,
            ids,
            limits,
        }
    }

    /// Works on every due row once. Takes no input: what to do is in the rows.
    ///
    /// # Errors
    /// When the store cannot hand out rows. Failures of single rows are counted, not returned.
    pub async fn tick(&self) -> Result<TickReport, StoreFault> {
        let now = self.clock.now();
        let lease = Lease {
            token: self.ids.next(now).simple().to_string(),
            until: self.limits.lease.after(now),
        };
        let leased = self.store.lease_due(now, self.limits.batch, &lease).await?;
        let mut report = TickReport {
            rows: u32::try_from(leased.len()).unwrap_or(u32::MAX),
            ..TickReport::default()
        };
        let listings = Listings::default();
        let results: Vec<_> = stream::iter(leased)
            .map(|leased| self.work(leased, &listings))
            // a row that waits for AWS holds up no other
            .buffer_unordered(self.limits.concurrency.max(1))
            .collect()
            .await;
        for result in results {
            match result {
                Ok(steps) => report.steps += steps,
                Err(fault) => {
                    report.dropped += 1;
                    tracing::warn!(error = %fault, "an assignment could not be recorded and is tried again");
                }
            }
        }
        Ok(report)
    }

    async fn work(&self, leased: Leased, listings: &Listings) -> Result<u32, StoreFault> {
        let Leased { mut row, lease } = leased;
        let mut steps = 0;
        while steps < STEPS_MAX {
            let now = self.clock.now();
            if now >= CALL_MAX.before(lease.until) {
                break;
            }
            let action = next(&row, now);
            if let Action::Rest(until) = action {
                if until > row.execution.due {
                    row.execution.due = until;
                    row = self.store.record(&row, &lease, false).await?;
                    // what is wanted changed meanwhile: go on, within the same bound of steps
                    if row.execution.due <= now {
                        steps += 1;
                        continue;
                    }
                }
                break;
            }
            row = self.step(row, action, &lease, listings).await?;
            steps += 1;
        }
        self.store.release(&row.key, &lease).await?;
        Ok(steps)
    }

    async fn step(
        &self,
        row: Row,
        action: Action,
        lease: &Lease,
        listings: &Listings,
    ) -> Result<Row, StoreFault> {
        let before = row.clone();
        let urgency = if row.is_wanted(self.clock.now()) {
            Urgency::Grant
        } else {
            Urgency::End
        };
        let (row, outcome) = match action {
            Action::Look => {
                let outcome = self.look(&row, urgency, listings).await;
                (row, outcome)
            }
            Action::Begin(kind) => {
                let intent = row.clone().begin(kind, self.clock.now());
                match self
                    .store
                    .begin(&intent, lease, self.outstanding_max(kind))
                    .await?
                {
                    Begin::Busy => (row, Outcome::Busy),
                    // CRASH: from here the intent is stored; a restart looks before it repeats.
                    Begin::Stored => {
                        let outcome = self.send(&intent, kind).await;
                        (intent, outcome)
                    }
                }
            }
            Action::Poll { kind, request } => {
                let outcome = match self.center.progress(kind, &request, urgency).await {
                    Ok(progress) => Outcome::Polled(progress),
                    Err(fault) => Outcome::Failed(fault),
                };
                (row, outcome)
            }
            Action::AskWhy => {
                let outcome = match self.center.missing(&row.key).await {
                    Ok(missing) => Outcome::Asked(missing),
                    Err(fault) => Outcome::Failed(fault),
                };
                (row, outcome)
            }
            Action::Settle(verdict) => (row, Outcome::Settled(verdict)),
            Action::Rest(_) => return Ok(row),
        };
        if let Outcome::Failed(fault) = &outcome {
            tracing::debug!(key = %row.key, error = %fault, "a step failed and is tried again");
        }
        let failed = matches!(outcome, Outcome::Failed(_));
        // CRASH: an outcome that is not recorded is observed again.
        let now = self.clock.now();
        let mut learned = row.learn(&before, outcome, now);
        if failed {
            learned.execution.due = self.jittered(now, learned.execution.due);
        }
        let news = learned.execution.is_news_after(&before.execution);
        self.store.record(&learned, lease, news).await
    }

    /// Up to a quarter later, so that many rows refused together do not come back together.
    fn jittered(&self, now: Timestamp, due: Timestamp) -> Timestamp {
        let pause = Span::between(now, due).as_seconds();
        let draw = self
            .ids
            .next(now)
            .as_bytes()
            .last()
            .copied()
            .map_or(0, u64::from);
        Span::seconds(pause * draw / 4 / 255).after(due)
    }

    fn outstanding_max(&self, kind: OperationKind) -> u32 {
        match kind {
            OperationKind::Create => self.limits.outstanding_creates,
            OperationKind::Delete => self.limits.outstanding,
        }
    }

    async fn send(&self, intent: &Row, kind: OperationKind) -> Outcome {
        let sent = match kind {
            OperationKind::Create => self.center.create(&intent.key).await,
            OperationKind::Delete => self.center.delete(&intent.key).await,
        };
        match sent {
            Ok(sent) => Outcome::Sent(sent),
            Err(fault) => Outcome::Failed(fault),
        }
    }

    /// Lists the target, or takes this tick's listing of it when it is recent enough for the row.
    async fn look(&self, row: &Row, urgency: Urgency, listings: &Listings) -> Outcome {
        let not_before = row.desired.asked_at.max(last_write(row));
        {
            let cache = listings.lock().await;
            if let Some(listing) = cache.get(&row.key.target)
                && listing.at > not_before
                && let Ok(holders) = &listing.holders
                && !has_looked_since(row, listing.at)
            {
                return Outcome::Looked {
                    at: listing.at,
                    present: holders.contains(&row.key.user),
                };
            }
        }
        let at = self.clock.now();
        let holders = self
            .center
            .holders(&row.key.target, urgency)
            .await
            .map(HashSet::from_iter);
        let outcome = match &holders {
            Ok(holders) => Outcome::Looked {
                at,
                present: holders.contains(&row.key.user),
            },
            Err(fault) => Outcome::Failed(fault.clone()),
        };
        listings
            .lock()
            .await
            .insert(row.key.target.clone(), Listing { at, holders });
        outcome
    }
}

/// The newest instant at which we may have changed what a listing shows.
fn last_write(row: &Row) -> Timestamp {
    let execution = &row.execution;
    [
        execution.created_at,
        execution.deleted_at,
        execution
            .operation
            .as_ref()
            .map(|operation| operation.started_at),
    ]
    .into_iter()
    .flatten()
    .max()
    .unwrap_or(Timestamp::MIN)
}

fn has_looked_since(row: &Row, at: Timestamp) -> bool {
    match row.execution.sight {
        crate::Sight::Present { at: seen } | crate::Sight::Absent { at: seen, .. } => seen >= at,
        crate::Sight::Unseen => false,
    }
}
