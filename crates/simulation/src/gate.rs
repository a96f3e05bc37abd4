//! A gate counts every port call. At the planned call it fails it, or stops the process before or
//! after its effect.

mod campaigns;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use hallpass_access::{
    Absence, Accepted, AccessStore, Alarm, ArmedEndStatus, Change, CommitError, Counts, Directory,
    DirectoryFault, DirectorySource, Ends, Grant, GrantFilter, GroupAssignment, GroupSyncItem,
    GroupSyncRun, GroupSyncStore, Holds, Listed, Lock, PastGrants, PastQuery, ReadError, Request,
    RequestFilter, StoredAnswer, Subject, Sweep, SweepItem, SweepStore, UnreadGrant, Waiting,
};
use hallpass_assignments::queue::{QueueLengths, Room};
use hallpass_assignments::{
    AssignmentRow, AssignmentStore, CenterFault, IdentityCenter, Lease, Missing, NotedOver,
    OperationKind, OperationStatus, Over, OwnedEnd, SentOperation, StoreFault, Taken, Urgency,
};
use hallpass_audit::Record;
use hallpass_base::{Email, GrantId, HoldKey, RequestId, SweepId, Target, Timestamp, UserId};
use tokio::sync::Notify;

use crate::hazard::{Hazard, Port};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateMode {
    Fail,
    LoseAnswer,
    StopBefore,
    StopAfter,
}

impl GateMode {
    pub const ALL: [Self; 4] = [
        Self::Fail,
        Self::LoseAnswer,
        Self::StopBefore,
        Self::StopAfter,
    ];
}

#[derive(Clone, Copy, Debug)]
pub struct GatePlan {
    pub call: u64,
    pub mode: GateMode,
}

#[derive(Default)]
pub struct Gate {
    calls: AtomicU64,
    plan: std::sync::Mutex<Option<GatePlan>>,
    sprung: AtomicBool,
    stopped: Notify,
    /// Hazards of the gate's node; `None` for a single process with a plan.
    hazard: Option<Arc<Hazard>>,
    works: bool,
}

impl Gate {
    pub(crate) fn of_node(hazard: &Arc<Hazard>, works: bool) -> Arc<Self> {
        Arc::new(Self {
            hazard: Some(Arc::clone(hazard)),
            works,
            ..Self::default()
        })
    }

    pub fn new(plan: Option<GatePlan>) -> Arc<Self> {
        Arc::new(Self {
            plan: std::sync::Mutex::new(plan),
            ..Self::default()
        })
    }

    pub fn springs(&self, plan: Option<GatePlan>) {
        self.calls.store(0, Ordering::SeqCst);
        *self
            .plan
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = plan;
    }

    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    pub fn is_sprung(&self) -> bool {
        self.sprung.load(Ordering::SeqCst)
    }

    pub async fn stop(&self) {
        self.stopped.notified().await;
    }

    fn here(&self) -> Option<GateMode> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let plan = *self
            .plan
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let mode = plan.filter(|plan| plan.call == call).map(|plan| plan.mode);
        if mode.is_some() {
            self.sprung.store(true, Ordering::SeqCst);
        }
        mode
    }

    async fn halt<T>(&self) -> T {
        self.stopped.notify_one();
        std::future::pending().await
    }

    pub(crate) async fn pass<T, E>(
        &self,
        call: impl Future<Output = Result<T, E>>,
        fault: impl Fn(&str) -> E,
    ) -> Result<T, E> {
        self.pass_to(Port::Read, call, fault).await
    }

    pub(crate) async fn pass_to<T, E>(
        &self,
        port: Port,
        call: impl Future<Output = Result<T, E>>,
        fault: impl Fn(&str) -> E,
    ) -> Result<T, E> {
        if let Some(hazard) = &self.hazard {
            return hazard.pass((port, self.works), call, fault).await;
        }
        match self.here() {
            None => call.await,
            Some(GateMode::Fail) => Err(fault("simulated failure before the effect")),
            Some(GateMode::LoseAnswer) => {
                // an error of the call itself would be an answer; a lost answer carries none
                let _: Result<T, E> = call.await;
                Err(fault("simulated failure after the effect"))
            }
            Some(GateMode::StopBefore) => self.halt().await,
            Some(GateMode::StopAfter) => {
                let _: Result<T, E> = call.await;
                self.halt().await
            }
        }
    }
}

pub(crate) struct Gated<P> {
    pub(crate) inner: Arc<P>,
    pub(crate) gate: Arc<Gate>,
}

impl<P> Gated<P> {
    pub(crate) fn new(inner: Arc<P>, gate: Arc<Gate>) -> Arc<Self> {
        Arc::new(Self { inner, gate })
    }
}

fn lost(text: &str) -> CenterFault {
    CenterFault::Unreachable {
        message: text.to_owned(),
    }
}

fn store(text: &str) -> StoreFault {
    StoreFault::Unavailable(text.to_owned())
}

fn read(text: &str) -> ReadError {
    ReadError(text.to_owned())
}

fn unread(text: &str) -> DirectoryFault {
    DirectoryFault {
        what: "the directory".to_owned(),
        message: text.to_owned(),
    }
}

fn commit(text: &str) -> CommitError {
    CommitError::Unavailable(text.to_owned())
}

#[async_trait]
impl<P: IdentityCenter> IdentityCenter for Gated<P> {
    async fn holders(&self, target: &Target, urgency: Urgency) -> Result<Vec<UserId>, CenterFault> {
        self.gate
            .pass_to(Port::Aws, self.inner.holders(target, urgency), lost)
            .await
    }

    async fn held_by(&self, user: &UserId, urgency: Urgency) -> Result<Vec<Target>, CenterFault> {
        self.gate
            .pass_to(Port::Aws, self.inner.held_by(user, urgency), lost)
            .await
    }

    async fn create(&self, key: &HoldKey) -> Result<SentOperation, CenterFault> {
        self.gate
            .pass_to(Port::Send, self.inner.create(key), lost)
            .await
    }

    async fn delete(&self, key: &HoldKey, urgency: Urgency) -> Result<SentOperation, CenterFault> {
        let sent = self.inner.delete(key, urgency);
        self.gate.pass_to(Port::Send, sent, lost).await
    }

    async fn in_progress(
        &self,
        kind: OperationKind,
        urgency: Urgency,
    ) -> Result<BTreeSet<String>, CenterFault> {
        self.gate
            .pass_to(Port::Aws, self.inner.in_progress(kind, urgency), lost)
            .await
    }

    async fn progress(
        &self,
        operation: (OperationKind, &str),
        urgency: Urgency,
    ) -> Result<OperationStatus, CenterFault> {
        self.gate
            .pass_to(Port::Aws, self.inner.progress(operation, urgency), lost)
            .await
    }

    async fn missing(&self, key: &HoldKey) -> Result<Option<Missing>, CenterFault> {
        self.gate
            .pass_to(Port::Aws, self.inner.missing(key), lost)
            .await
    }
}

#[async_trait]
impl<P: AssignmentStore> AssignmentStore for Gated<P> {
    async fn take(&self, now: Timestamp, room: &Room, lease: &Lease) -> Result<Taken, StoreFault> {
        self.gate
            .pass_to(Port::Write, self.inner.take(now, room, lease), store)
            .await
    }

    async fn first(&self, now: Timestamp) -> Result<Option<AssignmentRow>, StoreFault> {
        self.gate.pass(self.inner.first(now), store).await
    }

    async fn record(&self, row: &AssignmentRow, by: &Lease, news: bool) -> Result<(), StoreFault> {
        self.gate
            .pass_to(Port::Write, self.inner.record(row, by, news), store)
            .await
    }

    async fn in_flight(&self, kind: OperationKind) -> Result<Vec<AssignmentRow>, StoreFault> {
        self.gate.pass(self.inner.in_flight(kind), store).await
    }

    async fn note_over(&self, over: &[Over], at: Timestamp, due: Timestamp) -> NotedOver {
        self.gate
            .pass_to(Port::Write, self.inner.note_over(over, at, due), store)
            .await
    }

    async fn assignment(&self, key: &HoldKey) -> Result<Option<AssignmentRow>, StoreFault> {
        self.gate.pass(self.inner.assignment(key), store).await
    }

    async fn assignments(&self) -> Result<Vec<AssignmentRow>, StoreFault> {
        self.gate.pass(self.inner.assignments(), store).await
    }

    async fn owned_ends(&self) -> Result<Vec<OwnedEnd>, StoreFault> {
        self.gate.pass(self.inner.owned_ends(), store).await
    }

    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreFault> {
        let next = AssignmentStore::next_due(self.inner.as_ref(), now);
        self.gate.pass(next, store).await
    }

    async fn waiting(&self, now: Timestamp) -> Result<QueueLengths, StoreFault> {
        self.gate.pass(self.inner.waiting(now), store).await
    }

    async fn grants_before(
        &self,
        key: &HoldKey,
        now: Timestamp,
    ) -> Result<Option<u32>, StoreFault> {
        self.gate
            .pass(self.inner.grants_before(key, now), store)
            .await
    }

    async fn free(&self, token: &str) -> Result<(), StoreFault> {
        let freed = self.inner.free(token);
        self.gate.pass_to(Port::Write, freed, store).await
    }

    async fn forget_future(&self, now: Timestamp) -> Result<u32, StoreFault> {
        self.gate
            .pass_to(Port::Write, self.inner.forget_future(now), store)
            .await
    }
}

#[async_trait]
impl<P: DirectorySource> DirectorySource for Gated<P> {
    fn current(&self) -> Arc<Directory> {
        self.inner.current()
    }

    async fn refresh(&self) -> Result<Arc<Directory>, DirectoryFault> {
        self.gate
            .pass_to(Port::Aws, self.inner.refresh(), unread)
            .await
    }

    async fn refresh_person(&self, user: &UserId) -> Result<Arc<Directory>, DirectoryFault> {
        self.gate
            .pass_to(Port::Aws, self.inner.refresh_person(user), unread)
            .await
    }
}

#[async_trait]
impl<P: AccessStore> AccessStore for Gated<P> {
    async fn request(&self, id: RequestId) -> Result<Option<Request>, ReadError> {
        self.gate.pass(self.inner.request(id), read).await
    }

    async fn grant(&self, id: GrantId) -> Result<Option<Grant>, ReadError> {
        self.gate.pass(self.inner.grant(id), read).await
    }

    async fn requests(
        &self,
        filter: &RequestFilter,
        limit: u32,
    ) -> Result<Listed<Request, RequestId>, ReadError> {
        self.gate
            .pass(self.inner.requests(filter, limit), read)
            .await
    }

    async fn grants(
        &self,
        filter: &GrantFilter,
        limit: u32,
    ) -> Result<Listed<Grant, GrantId>, ReadError> {
        self.gate.pass(self.inner.grants(filter, limit), read).await
    }

    async fn subjects(&self, after: u64, limit: u32) -> Result<Vec<(u64, Subject)>, ReadError> {
        self.gate
            .pass(self.inner.subjects(after, limit), read)
            .await
    }

    async fn holder_of(&self, address: &Email) -> Result<Option<UserId>, ReadError> {
        self.gate.pass(self.inner.holder_of(address), read).await
    }

    async fn past(&self, query: &PastQuery) -> Result<PastGrants, ReadError> {
        self.gate.pass(self.inner.past(query), read).await
    }

    async fn grants_late(&self, now: Timestamp, limit: u32) -> Result<Vec<Grant>, ReadError> {
        self.gate
            .pass(self.inner.grants_late(now, limit), read)
            .await
    }

    async fn grants_unread(&self, from: GrantId) -> Result<Vec<UnreadGrant>, ReadError> {
        self.gate.pass(self.inner.grants_unread(from), read).await
    }

    async fn ends(&self, soon: Timestamp) -> Result<Ends, ReadError> {
        self.gate.pass(self.inner.ends(soon), read).await
    }

    async fn holds(&self, key: &HoldKey) -> Result<Holds, ReadError> {
        self.gate.pass(self.inner.holds(key), read).await
    }

    async fn armed_ends(
        &self,
        keys: &[HoldKey],
    ) -> Result<BTreeMap<HoldKey, ArmedEndStatus>, ReadError> {
        self.gate.pass(self.inner.armed_ends(keys), read).await
    }

    async fn pending_request(&self, dedupe_key: &str) -> Result<Option<Request>, ReadError> {
        self.gate
            .pass(self.inner.pending_request(dedupe_key), read)
            .await
    }

    async fn requests_due(&self, now: Timestamp, limit: u32) -> Result<Vec<Request>, ReadError> {
        self.gate
            .pass(self.inner.requests_due(now, limit), read)
            .await
    }

    async fn grants_due(&self, now: Timestamp, limit: u32) -> Result<Vec<Grant>, ReadError> {
        self.gate
            .pass(self.inner.grants_due(now, limit), read)
            .await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, ReadError> {
        self.gate
            .pass(AccessStore::next_due(self.inner.as_ref()), read)
            .await
    }

    async fn commit(&self, change: Change) -> Result<Vec<Record>, CommitError> {
        self.gate
            .pass_to(Port::Write, self.inner.commit(change), commit)
            .await
    }

    async fn absences(&self, now: Timestamp) -> Result<Vec<Absence>, ReadError> {
        self.gate.pass(self.inner.absences(now), read).await
    }

    async fn absence_of(&self, user: &UserId) -> Result<Option<Absence>, ReadError> {
        self.gate.pass(self.inner.absence_of(user), read).await
    }

    async fn lock_of(&self, user: &UserId) -> Result<Option<Lock>, ReadError> {
        self.gate.pass(self.inner.lock_of(user), read).await
    }

    async fn locks_of(&self, users: &[UserId]) -> Result<Vec<Lock>, ReadError> {
        self.gate.pass(self.inner.locks_of(users), read).await
    }

    async fn locks(&self) -> Result<Vec<Lock>, ReadError> {
        self.gate.pass(self.inner.locks(), read).await
    }

    async fn with_credentials(&self, now: Timestamp) -> Result<Vec<UserId>, ReadError> {
        self.gate.pass(self.inner.with_credentials(now), read).await
    }

    async fn answer(&self, actor: &UserId, key: &str) -> Result<Option<StoredAnswer>, ReadError> {
        self.gate.pass(self.inner.answer(actor, key), read).await
    }

    async fn open_channel(&self, channel: &str, now: Timestamp) -> Result<(), ReadError> {
        self.gate
            .pass_to(Port::Write, self.inner.open_channel(channel, now), read)
            .await
    }

    async fn next_notice(&self, channel: &str) -> Result<Option<Timestamp>, ReadError> {
        self.gate.pass(self.inner.next_notice(channel), read).await
    }

    async fn take_notices(&self, by: &str, now: Timestamp, again: Timestamp, max: u32) -> Waiting {
        self.gate
            .pass_to(
                Port::Write,
                self.inner.take_notices(by, now, again, max),
                read,
            )
            .await
    }

    async fn notice_delivered(&self, channel: &str, number: u64) -> Result<(), ReadError> {
        self.gate
            .pass_to(
                Port::Write,
                self.inner.notice_delivered(channel, number),
                read,
            )
            .await
    }

    async fn notice_postponed(
        &self,
        by: &str,
        number: u64,
        again: Timestamp,
    ) -> Result<(), ReadError> {
        self.gate
            .pass_to(
                Port::Write,
                self.inner.notice_postponed(by, number, again),
                read,
            )
            .await
    }

    async fn release_notices(&self, later_than: Timestamp) -> Result<u64, ReadError> {
        self.gate
            .pass_to(Port::Write, self.inner.release_notices(later_than), read)
            .await
    }

    async fn prune_notices(&self, before: Timestamp) -> Result<u64, ReadError> {
        self.gate
            .pass_to(Port::Write, self.inner.prune_notices(before), read)
            .await
    }

    async fn note_alarm(&self, alarm: Alarm) -> Result<bool, ReadError> {
        self.gate
            .pass_to(Port::Write, self.inner.note_alarm(alarm), read)
            .await
    }

    async fn alarms(&self) -> Result<Vec<Alarm>, ReadError> {
        self.gate.pass(self.inner.alarms(), read).await
    }

    async fn oldest_unexported(&self) -> Result<Option<Timestamp>, ReadError> {
        self.gate.pass(self.inner.oldest_unexported(), read).await
    }

    async fn counts(&self, overdue_before: Timestamp) -> Result<Counts, ReadError> {
        self.gate
            .pass(self.inner.counts(overdue_before), read)
            .await
    }
}

#[async_trait]
impl<P: SweepStore> SweepStore for Gated<P> {
    async fn sweep(&self, id: SweepId) -> Result<Option<Sweep>, ReadError> {
        self.gate.pass(self.inner.sweep(id), read).await
    }

    async fn sweeps(&self, before: Option<SweepId>, limit: u32) -> Result<Vec<Sweep>, ReadError> {
        self.gate.pass(self.inner.sweeps(before, limit), read).await
    }

    async fn newest_listing(&self) -> Result<Option<Sweep>, ReadError> {
        self.gate.pass(self.inner.newest_listing(), read).await
    }

    async fn open_sweeps(&self) -> Result<Vec<Sweep>, ReadError> {
        self.gate.pass(self.inner.open_sweeps(), read).await
    }

    async fn sweep_items(&self, sweep: SweepId) -> Result<Vec<SweepItem>, ReadError> {
        self.gate.pass(self.inner.sweep_items(sweep), read).await
    }

    async fn sweep_item(
        &self,
        sweep: SweepId,
        key: &HoldKey,
    ) -> Result<Option<SweepItem>, ReadError> {
        self.gate
            .pass(self.inner.sweep_item(sweep, key), read)
            .await
    }

    async fn open_sweep_items(&self) -> Result<Vec<SweepItem>, ReadError> {
        self.gate.pass(self.inner.open_sweep_items(), read).await
    }

    async fn accepted(&self) -> Result<Vec<Accepted>, ReadError> {
        self.gate.pass(self.inner.accepted(), read).await
    }

    async fn group_assignments(&self) -> Result<Vec<GroupAssignment>, ReadError> {
        self.gate.pass(self.inner.group_assignments(), read).await
    }

    async fn accepted_one(&self, key: &HoldKey) -> Result<Option<Accepted>, ReadError> {
        self.gate.pass(self.inner.accepted_one(key), read).await
    }

    async fn prune_sweeps(&self, listings: u32, runs: u32) -> Result<(), ReadError> {
        self.gate
            .pass_to(Port::Write, self.inner.prune_sweeps(listings, runs), read)
            .await
    }
}

#[async_trait]
impl<P: GroupSyncStore> GroupSyncStore for Gated<P> {
    async fn group_sync_items(&self) -> Result<Vec<GroupSyncItem>, ReadError> {
        if self.gate.hazard.is_some() {
            // node simulations have no attribute groups: another call would only change the draws
            // of seeds
            return self.inner.group_sync_items().await;
        }
        self.gate.pass(self.inner.group_sync_items(), read).await
    }

    async fn group_sync_run(&self) -> Result<Option<GroupSyncRun>, ReadError> {
        self.gate.pass(self.inner.group_sync_run(), read).await
    }
}
