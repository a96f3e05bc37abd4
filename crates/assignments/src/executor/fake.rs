#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use hallpass_base::{Clock, HoldKey, IdSource, Target, Timestamp, UserId};
use uuid::Uuid;

use super::{Executor, ExecutorLimits};
use crate::queue::{QueueLengths, Room};
use crate::{
    AssignmentRow, AssignmentStore, CenterFault, IdentityCenter, Lease, Missing, NotedOver,
    OperationKind, OperationStatus, Over, OwnedEnd, Pace, SentOperation, StoreFault, Taken,
    Urgency,
};

pub(super) struct Fake {
    pub(super) now: Timestamp,
    pub(super) rows: Vec<AssignmentRow>,
    pub(super) listed: BTreeSet<String>,
    pub(super) calls: Mutex<Vec<(&'static str, Urgency)>>,
    pub(super) create: CenterFault,
    pub(super) over: Mutex<Vec<(String, Timestamp)>>,
    pub(super) is_cut_short: AtomicBool,
}

impl Fake {
    pub(super) fn new(now: Timestamp, rows: Vec<AssignmentRow>, listed: &[&str]) -> Arc<Self> {
        Self::answering(now, (rows, listed), CenterFault::NotSent)
    }

    pub(super) fn answering(
        now: Timestamp,
        (rows, listed): (Vec<AssignmentRow>, &[&str]),
        create: CenterFault,
    ) -> Arc<Self> {
        Arc::new(Self {
            now,
            create,
            rows,
            listed: listed.iter().map(|id| (*id).to_owned()).collect(),
            calls: Mutex::default(),
            over: Mutex::default(),
            is_cut_short: AtomicBool::default(),
        })
    }

    pub(super) fn executor(self: &Arc<Self>) -> Executor {
        Executor::new(
            self.clone(),
            self.clone(),
            self.clone(),
            self.clone(),
            ExecutorLimits::default(),
            Arc::<Pace>::default(),
        )
    }

    pub(super) fn calls(&self) -> Vec<(&'static str, Urgency)> {
        self.calls.lock().unwrap().clone()
    }

    pub(super) fn over(&self) -> Vec<(String, Timestamp)> {
        self.over.lock().unwrap().clone()
    }

    fn called(&self, name: &'static str, urgency: Urgency) {
        self.calls.lock().unwrap().push((name, urgency));
    }
}

impl Clock for Fake {
    fn now(&self) -> Timestamp {
        self.now
    }
}

impl IdSource for Fake {
    fn next(&self, _: Timestamp) -> Uuid {
        Uuid::nil()
    }
}

#[async_trait]
impl IdentityCenter for Fake {
    async fn holders(&self, _: &Target, urgency: Urgency) -> Result<Vec<UserId>, CenterFault> {
        self.called("holders", urgency);
        Ok(Vec::new())
    }

    async fn held_by(&self, _: &UserId, urgency: Urgency) -> Result<Vec<Target>, CenterFault> {
        self.called("held_by", urgency);
        Ok(Vec::new())
    }

    async fn create(&self, _: &HoldKey) -> Result<SentOperation, CenterFault> {
        Err(self.create.clone())
    }

    async fn delete(&self, _: &HoldKey, _: Urgency) -> Result<SentOperation, CenterFault> {
        Err(CenterFault::NotSent)
    }

    async fn progress(
        &self,
        _: (OperationKind, &str),
        _: Urgency,
    ) -> Result<OperationStatus, CenterFault> {
        Err(CenterFault::NotSent)
    }

    async fn in_progress(
        &self,
        _: OperationKind,
        urgency: Urgency,
    ) -> Result<BTreeSet<String>, CenterFault> {
        self.called("in_progress", urgency);
        Ok(self.listed.clone())
    }

    async fn missing(&self, _: &HoldKey) -> Result<Option<Missing>, CenterFault> {
        Ok(None)
    }
}

#[async_trait]
impl AssignmentStore for Fake {
    async fn take(&self, _: Timestamp, _: &Room, _: &Lease) -> Result<Taken, StoreFault> {
        Ok(Taken {
            is_cut_short: self.is_cut_short.load(Ordering::Relaxed),
            ..Taken::default()
        })
    }

    async fn first(&self, _: Timestamp) -> Result<Option<AssignmentRow>, StoreFault> {
        Ok(None)
    }

    async fn record(&self, _: &AssignmentRow, _: &Lease, _: bool) -> Result<(), StoreFault> {
        Ok(())
    }

    async fn in_flight(&self, _: OperationKind) -> Result<Vec<AssignmentRow>, StoreFault> {
        Ok(self.rows.clone())
    }

    async fn note_over(&self, over: &[Over], _: Timestamp, due: Timestamp) -> NotedOver {
        let noted = over.iter().map(|it| (it.operation_id.clone(), due));
        self.over.lock().unwrap().extend(noted);
        Ok(u32::try_from(over.len()).unwrap())
    }

    async fn assignment(&self, _: &HoldKey) -> Result<Option<AssignmentRow>, StoreFault> {
        Ok(None)
    }

    async fn assignments(&self) -> Result<Vec<AssignmentRow>, StoreFault> {
        Ok(Vec::new())
    }

    async fn owned_ends(&self) -> Result<Vec<OwnedEnd>, StoreFault> {
        Ok(Vec::new())
    }

    async fn next_due(&self, _: Timestamp) -> Result<Option<Timestamp>, StoreFault> {
        Ok(None)
    }

    async fn waiting(&self, _: Timestamp) -> Result<QueueLengths, StoreFault> {
        Ok(QueueLengths::default())
    }

    async fn grants_before(&self, _: &HoldKey, _: Timestamp) -> Result<Option<u32>, StoreFault> {
        Ok(None)
    }

    async fn forget_future(&self, _: Timestamp) -> Result<u32, StoreFault> {
        Ok(0)
    }

    async fn free(&self, _: &str) -> Result<(), StoreFault> {
        Ok(())
    }
}
