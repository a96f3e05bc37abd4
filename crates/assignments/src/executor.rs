//! Executes plans: takes the most urgent row, reads or writes, records.
//!
//! A stored intent precedes every effect, and a stored outcome follows, so the process may stop
//! anywhere. Concurrent workers call [`Executor::work_next`]: a hanging call blocks only its row.

use std::sync::Arc;
use std::time::Duration;

use hallpass_base::{Clock, IdSource, Target, TimeSpan, Timestamp, UserId};
use tokio::sync::{Notify, watch};

use self::lost_leases::Orphans;
use crate::listings::Listings;
use crate::pace::Pace;
use crate::queue::{Room, Writes};
use crate::scheduler_state::{Calls, ExecutorMemory, Trial, Turn};
use crate::{
    AssignmentRow, AssignmentStore, CenterFault, EndPriority, IdentityCenter, Lease, OperationKind,
    RowAction, StepOutcome, StoreFault, Task, Urgency, Verdict, next,
};

#[cfg(test)]
mod fake;
mod lost_leases;
mod observations;
mod rounds;

#[derive(Clone, Copy, Debug)]
pub struct ExecutorLimits {
    pub workers: u32,
    pub lease: TimeSpan,
}

impl Default for ExecutorLimits {
    fn default() -> Self {
        Self {
            workers: 24,
            lease: TimeSpan::seconds(90),
        }
    }
}

const STEPS_MAX: u32 = 16;
/// No call starts in the last part of a lease: it may take this long (promise P5, fencing).
const CALL_MAX: TimeSpan = TimeSpan::seconds(20);
const ROWS_MAX: u32 = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worked {
    Done { steps: u32 },
    Idle,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TickReport {
    pub rows: u32,
    pub steps: u32,
}

pub struct Executor {
    store: Arc<dyn AssignmentStore>,
    center: Arc<dyn IdentityCenter>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    limits: ExecutorLimits,
    pace: Arc<Pace>,
    memory: ExecutorMemory,
    writes: Writes,
    orphans: Orphans,
    by_target: Listings<Target, UserId>,
    by_person: Listings<UserId, Target>,
    wake_next_worker: Arc<Notify>,
    /// Increases when calls are answered again after an outage.
    reads_recovered: watch::Sender<u64>,
    writes_recovered: watch::Sender<u64>,
}

impl Executor {
    pub fn new(
        store: Arc<dyn AssignmentStore>,
        center: Arc<dyn IdentityCenter>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        limits: ExecutorLimits,
        pace: Arc<Pace>,
    ) -> Self {
        Self {
            store,
            center,
            clock,
            ids,
            limits,
            pace,
            memory: ExecutorMemory::default(),
            writes: Writes::All,
            orphans: Orphans::default(),
            by_target: Listings::default(),
            by_person: Listings::default(),
            wake_next_worker: Arc::default(),
            reads_recovered: watch::Sender::new(0),
            writes_recovered: watch::Sender::new(0),
        }
    }

    /// Only removes access: sends no creates, which stay queued.
    #[must_use]
    pub fn ends_only(self) -> Self {
        Self {
            writes: Writes::Ends,
            ..self
        }
    }

    pub fn workers(&self) -> u32 {
        self.limits.workers
    }

    /// Notifies one idle worker that more rows may be due. A lost notification only delays it.
    pub fn wake_next_worker(&self) -> Arc<Notify> {
        Arc::clone(&self.wake_next_worker)
    }

    /// Works until nothing executable is due, for manual driving.
    ///
    /// # Errors
    /// If the store does not answer; earlier records stay.
    pub async fn tick(&self) -> Result<TickReport, StoreFault> {
        let mut report = TickReport::default();
        while report.rows < ROWS_MAX {
            match self.work_next().await? {
                Worked::Done { steps } => {
                    report.rows += 1;
                    report.steps += steps;
                }
                Worked::Idle => break,
            }
        }
        Ok(report)
    }

    /// Processes the most urgent row.
    ///
    /// # Errors
    /// If the store does not answer, or another worker has the row now: the result is observed
    /// again.
    pub async fn work_next(&self) -> Result<Worked, StoreFault> {
        self.free_orphans().await?;
        let now = self.clock.now();
        let slots = self.pace.bounds().slots;
        match self.memory.turn(now, slots, self.limits.workers) {
            Turn::Take(room, trial) => self.take(now, &room, trial).await,
            Turn::Probe => self.probe(now).await,
            Turn::Round(kind) => self.round(kind).await,
            Turn::ForgetFuture => {
                let count = self.store.forget_future(now).await?;
                if count > 0 {
                    tracing::warn!(
                        count,
                        "the clock was ahead: assignments it had delayed are due now"
                    );
                }
                Ok(Worked::Done { steps: 0 })
            }
            Turn::Wait => Ok(Worked::Idle),
        }
    }

    /// Returns when an idle worker should check again.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, StoreFault> {
        let now = self.clock.now();
        let due = self.store.next_due(now).await?;
        Ok(due.into_iter().chain(self.memory.next_turn(now)).min())
    }

    async fn take(
        &self,
        now: Timestamp,
        room: &Room,
        trial: Option<Trial>,
    ) -> Result<Worked, StoreFault> {
        let mut trial = trial.map(|_| EndsTrial::new(&self.memory));
        let lease = Lease {
            token: self.ids.next(now).simple().to_string(),
            until: self.limits.lease.after(now),
        };
        let writes = match room.writes {
            Writes::All => self.writes,
            fewer @ (Writes::Ends | Writes::AtOnce | Writes::None) => fewer,
        };
        let room = Room { writes, ..*room };
        let taken = self.store.take(now, &room, &lease).await;
        let taken = self.orphans.note(&lease, taken)?;
        self.memory.note_line(&taken);
        let Some(task) = taken.task else {
            return Ok(if taken.is_cut_short {
                Worked::Done { steps: 0 }
            } else {
                Worked::Idle
            });
        };
        self.wake_next_worker.notify_one();
        let urgency = urgency(task.row(), now);
        let _work = Work::new(&self.memory, urgency);
        let steps = match task {
            Task::Step(row) => {
                drop(trial);
                let before = row.clone();
                self.take_steps(*row, &before, &lease).await?
            }
            Task::Send { before, intent } => {
                if let Some(trial) = &mut trial {
                    trial.was_sent = true;
                }
                if intent.execution.removed_again_at == Some(now) {
                    tracing::warn!(
                        key = %before.key,
                        "a create without an answer from AWS took effect after its reported end: it is removed"
                    );
                }
                let sent = self.send(&before, *intent, urgency).await;
                drop(trial);
                self.take_steps(sent, &before, &lease).await? + 1
            }
        };
        Ok(Worked::Done { steps })
    }

    /// Takes steps until the row pauses or queues, then records and returns it.
    async fn take_steps(
        &self,
        mut row: AssignmentRow,
        before: &AssignmentRow,
        lease: &Lease,
    ) -> Result<u32, StoreFault> {
        let mut steps = 0;
        while steps < STEPS_MAX {
            let now = self.clock.now();
            if now >= CALL_MAX.before(lease.until) {
                break;
            }
            match next(&row, now) {
                RowAction::Look if let Some(until) = self.shared_look_at(&row, now) => {
                    row.execution.due = until;
                    break;
                }
                RowAction::Rest(until) => {
                    row.execution.due = row.execution.due.max(until);
                    break;
                }
                // The queue decides when: recompute its position, since the scheduled check may
                // have passed.
                RowAction::Begin(_) => {
                    row.execution.due = row.execution.due.max(now);
                    break;
                }
                action => row = self.step(row, action).await,
            }
            steps += 1;
        }
        // CRASH: an unrecorded outcome is observed again.
        let news = row.execution.is_news_after(&before.execution);
        let recorded = self.store.record(&row, lease, news).await;
        if recorded.is_err() {
            self.doubt_listings(&row.key);
        }
        self.orphans.note(lease, recorded)?;
        Ok(steps)
    }

    async fn step(&self, row: AssignmentRow, action: RowAction) -> AssignmentRow {
        let urgency = urgency(&row, self.clock.now());
        let outcome = match action {
            RowAction::Look => self.look(&row, urgency).await,
            RowAction::Poll { kind, operation_id } => {
                let call = self.center.progress((kind, &operation_id), urgency);
                match self.call(Calls::Reads, urgency, call).await {
                    Ok(progress) => StepOutcome::Polled(progress),
                    Err(fault) => StepOutcome::ReadFailed(fault),
                }
            }
            RowAction::AskWhy => {
                let call = self.center.missing(&row.key);
                match self.call(Calls::Reads, urgency, call).await {
                    Ok(missing) => StepOutcome::Asked(missing),
                    Err(fault) => StepOutcome::ReadFailed(fault),
                }
            }
            RowAction::Settle(verdict) => StepOutcome::Settled(verdict),
            RowAction::Begin(_) | RowAction::Rest(_) => return row,
        };
        let before = row.clone();
        self.learned(row, &before, outcome)
    }

    async fn send(
        &self,
        before: &AssignmentRow,
        intent: AssignmentRow,
        urgency: Urgency,
    ) -> AssignmentRow {
        let Some(operation) = &intent.execution.operation else {
            return intent;
        };
        // CRASH: the intent is stored; a restart checks before it repeats.
        let sent = match operation.kind {
            OperationKind::Create => {
                let call = self.center.create(&intent.key);
                self.call(Calls::Writes, urgency, call).await
            }
            OperationKind::Delete => {
                let call = self.center.delete(&intent.key, urgency);
                self.call(Calls::Writes, urgency, call).await
            }
        };
        let outcome = match sent {
            Ok(sent) => StepOutcome::Sent(sent),
            Err(fault) => {
                if fault.leaves_unknown() {
                    self.doubt_listings(&intent.key);
                }
                StepOutcome::SendFailed(fault)
            }
        };
        self.learned(intent, before, outcome)
    }

    fn learned(
        &self,
        row: AssignmentRow,
        before: &AssignmentRow,
        outcome: StepOutcome,
    ) -> AssignmentRow {
        let fault = match &outcome {
            StepOutcome::SendFailed(fault) | StepOutcome::ReadFailed(fault) => Some(fault),
            StepOutcome::Looked { .. }
            | StepOutcome::Sent(_)
            | StepOutcome::Polled(_)
            | StepOutcome::Asked(_)
            | StepOutcome::Settled(_) => None,
        };
        let failed = fault.is_some();
        if let Some(fault) = fault {
            tracing::debug!(key = %row.key, error = %fault, "a step failed and is tried again");
        }
        let now = self.clock.now();
        let kind = row
            .execution
            .operation
            .as_ref()
            .map(|operation| operation.kind);
        let expected = self.pace.expected(kind.unwrap_or(OperationKind::Create));
        let running = row.clone();
        let mut learned = row.learn(before, outcome, now, expected);
        if failed {
            learned.execution.due = self.jittered(now, learned.execution.due);
        }
        self.learn_pace(&running, &learned, now);
        if matches!(before.execution.verdict, Verdict::Working) {
            self.pace.count_settled(&learned.execution.verdict);
        }
        learned
    }

    fn learn_pace(&self, before: &AssignmentRow, after: &AssignmentRow, now: Timestamp) {
        let Some(operation) = before.in_flight().filter(|it| it.operation_id.is_some()) else {
            return;
        };
        if after.execution.operation.is_none() {
            let took = elapsed(operation.started_at, now);
            let at_least = if operation.polls == 0 {
                Duration::ZERO
            } else {
                took
            };
            self.pace.learn(operation.kind, at_least, took);
            self.memory.note_slot();
        }
    }

    /// Adds up to a quarter, so that rows refused together do not return together.
    fn jittered(&self, now: Timestamp, due: Timestamp) -> Timestamp {
        let pause = TimeSpan::between(now, due).as_seconds();
        let draw = self
            .ids
            .next(now)
            .as_bytes()
            .last()
            .copied()
            .map_or(0, u64::from);
        TimeSpan::seconds(pause * draw / 4 / 255).after(due)
    }

    /// Tests during an outage whether AWS answers, with a read for the most urgent row. Locks no
    /// row, so a hang blocks none.
    async fn probe(&self, now: Timestamp) -> Result<Worked, StoreFault> {
        let _probe = ReadProbe(&self.memory);
        let Some(first) = self.store.first(now).await? else {
            return Ok(Worked::Idle);
        };
        let urgency = urgency(&first, now);
        let call = self.center.holders(&first.key.target, urgency);
        let _: Result<_, CenterFault> = self.call(Calls::Reads, urgency, call).await;
        Ok(Worked::Done { steps: 1 })
    }

    /// Makes a call. When an outage ends, hanging calls are abandoned: reads are repeated, and a
    /// read follows a write.
    async fn call<T>(
        &self,
        calls: Calls,
        urgency: Urgency,
        call: impl Future<Output = Result<T, CenterFault>>,
    ) -> Result<T, CenterFault> {
        let recovered = |calls| match calls {
            Calls::Reads => &self.reads_recovered,
            Calls::Writes => &self.writes_recovered,
        };
        let mut others = recovered(calls).subscribe();
        self.pace.count_call(urgency);
        let result = tokio::select! {
            biased;
            result = call => result,
            _ = others.changed() => {
                let message = "no answer, while others are answered again".to_owned();
                return Err(CenterFault::Unreachable { message });
            }
        };
        let now = self.clock.now();
        if let Some(calls) = self.memory.note_call(calls, result.as_ref().err(), now) {
            recovered(calls).send_modify(|count| *count += 1);
        }
        result
    }
}

fn urgency(row: &AssignmentRow, now: Timestamp) -> Urgency {
    let execution = &row.execution;
    match (row.is_wanted(now), &execution.verdict, row.desired.haste) {
        (true, Verdict::Present { .. }, _) if execution.operation.is_none() => Urgency::Background,
        (true, ..) => Urgency::Grant,
        (false, _, EndPriority::AtOnce) => Urgency::AtOnce,
        (false, _, EndPriority::Ordinary) => Urgency::End,
    }
}

fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// Ends when dropped, also if the worker is stopped.
struct Work<'a>(&'a ExecutorMemory, Urgency);

impl<'a> Work<'a> {
    fn new(memory: &'a ExecutorMemory, urgency: Urgency) -> Self {
        memory.begin_work(urgency);
        Self(memory, urgency)
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        self.0.end_work(self.1);
    }
}

struct ReadProbe<'a>(&'a ExecutorMemory);

impl Drop for ReadProbe<'_> {
    fn drop(&mut self) {
        self.0.end_probe();
    }
}

struct EndsTrial<'a> {
    memory: &'a ExecutorMemory,
    was_sent: bool,
}

impl<'a> EndsTrial<'a> {
    fn new(memory: &'a ExecutorMemory) -> Self {
        Self {
            memory,
            was_sent: false,
        }
    }
}

impl Drop for EndsTrial<'_> {
    fn drop(&mut self) {
        self.memory.end_trial(self.was_sent);
    }
}
