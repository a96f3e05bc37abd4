//! Traces work on assignments: the store returns the request of a row.

use std::sync::Arc;

use crate::host::server_store::ServerStore;
use async_trait::async_trait;
use hallpass_access::AccessStore;
use hallpass_assignments::queue::{QueueLengths, Room};
use hallpass_assignments::{
    AssignmentRow, AssignmentStore, Lease, NotedOver, OperationKind, Over, OwnedEnd, StoreFault,
    Taken,
};
use hallpass_base::traced::SPANS;
use hallpass_base::{HoldKey, Target, Timestamp};
use tracing::Span;
use tracing::field::Empty;

pub fn work() -> Span {
    tracing::info_span!(
        target: SPANS,
        "assignment work",
        user.id = Empty,
        hallpass.account.id = Empty,
        hallpass.permission_set.arn = Empty,
        hallpass.group.id = Empty,
    )
}

/// Annotates the current span with the owner and joins the trace of the newest request of a row.
pub struct TracedRows(pub Arc<ServerStore>);

impl TracedRows {
    async fn note(&self, key: &HoldKey) {
        let span = Span::current();
        if span.is_disabled() {
            return;
        }
        span.record("user.id", key.user.as_str());
        match &key.target {
            Target::Account {
                account,
                permission_set,
            } => {
                span.record("hallpass.account.id", account.as_str());
                span.record("hallpass.permission_set.arn", permission_set.as_str());
            }
            Target::Group { group } => {
                span.record("hallpass.group.id", group.as_str());
            }
        }
        self.join(key).await;
    }

    /// A store failure only leaves a span without its trace.
    async fn join(&self, key: &HoldKey) {
        if Span::current().is_disabled() {
            return;
        }
        if let Ok(holds) = self.0.holds(key).await {
            let mut grants: Vec<_> = holds.grants.iter().map(|it| (it.id, it.request)).collect();
            grants.sort_unstable();
            crate::telemetry::join(grants.into_iter().rev().map(|(_, request)| request));
        }
    }
}

#[async_trait]
impl AssignmentStore for TracedRows {
    async fn take(&self, now: Timestamp, room: &Room, lease: &Lease) -> Result<Taken, StoreFault> {
        let taken = self.0.take(now, room, lease).await?;
        if let Some(task) = &taken.task {
            self.note(&task.row().key).await;
        }
        Ok(taken)
    }

    async fn first(&self, now: Timestamp) -> Result<Option<AssignmentRow>, StoreFault> {
        self.0.first(now).await
    }

    async fn record(&self, row: &AssignmentRow, by: &Lease, news: bool) -> Result<(), StoreFault> {
        self.0.record(row, by, news).await
    }

    async fn in_flight(&self, kind: OperationKind) -> Result<Vec<AssignmentRow>, StoreFault> {
        let rows = self.0.in_flight(kind).await?;
        for row in &rows {
            self.join(&row.key).await;
        }
        Ok(rows)
    }

    async fn note_over(&self, over: &[Over], at: Timestamp, due: Timestamp) -> NotedOver {
        self.0.note_over(over, at, due).await
    }

    async fn assignment(&self, key: &HoldKey) -> Result<Option<AssignmentRow>, StoreFault> {
        self.0.assignment(key).await
    }

    async fn assignments(&self) -> Result<Vec<AssignmentRow>, StoreFault> {
        self.0.assignments().await
    }

    async fn owned_ends(&self) -> Result<Vec<OwnedEnd>, StoreFault> {
        self.0.owned_ends().await
    }

    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreFault> {
        AssignmentStore::next_due(self.0.as_ref(), now).await
    }

    async fn waiting(&self, now: Timestamp) -> Result<QueueLengths, StoreFault> {
        self.0.waiting(now).await
    }

    async fn grants_before(
        &self,
        key: &HoldKey,
        now: Timestamp,
    ) -> Result<Option<u32>, StoreFault> {
        self.0.grants_before(key, now).await
    }

    async fn forget_future(&self, now: Timestamp) -> Result<u32, StoreFault> {
        self.0.forget_future(now).await
    }

    async fn free(&self, token: &str) -> Result<(), StoreFault> {
        self.0.free(token).await
    }
}
