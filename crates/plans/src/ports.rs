//! Ports of the runner: executor, journal, leases and sleep.

use std::time::Duration;

use async_trait::async_trait;
use hallpass_base::{AuditId, TimeSpan, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::journal::{JournalEntry, Record, SentBefore, Stored};
use crate::plan::{Plan, PlanId, PlanStep, StepId, StepProbe, StepTarget};
use crate::retry::{Class, Retry};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepError {
    /// Retryable. The write may have taken effect: the engine probes before it repeats it.
    Retry(Retry),
    Failed {
        /// Error code of the service or Hallpass.
        code: String,
        text: String,
    },
}

impl StepError {
    /// A permanent error; `code` is of the service or Hallpass.
    pub fn failed(code: &str, text: &str) -> Self {
        Self::Failed {
            code: code.to_owned(),
            text: text.to_owned(),
        }
    }

    pub fn later(class: Class, why: String) -> Self {
        Self::Retry(Retry::new(class, why))
    }

    /// The plan is of another version with an unknown step.
    pub fn unknown_step(kind: &str) -> Self {
        Self::failed("unknown_step", &format!("no step is called `{kind}`"))
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effect {
    pub new: Value,
    /// Request ids of the service, for support cases.
    pub requests: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum WriteAnswer {
    Done(Effect),
    /// Accepted; poll with this id.
    Accepted {
        remote: String,
    },
    /// No effect, because the desired object exists: created by Hallpass if the step was sent
    /// before, else foreign.
    AlreadyThere {
        why: String,
    },
    /// Nothing was sent: the state read directly before the write differs from the judged one.
    ChangedBefore,
    Setback(StepError),
}

impl WriteAnswer {
    /// Retryable: another operation on the same object.
    pub fn later(why: String) -> Self {
        Self::Setback(StepError::later(Class::Conflict, why))
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Verify {
    Running,
    /// Accepted but not visible yet. Contains the probe: the old state, unless another user changed
    /// it.
    NotShown(StepProbe),
    Done(Effect),
    /// Ended without effect; may be sent again after a probe.
    Again(Retry),
    Setback(StepError),
}

impl PlanStep {
    /// Parses the desired state.
    ///
    /// # Errors
    /// Written by an incompatible version.
    pub fn wish<T: DeserializeOwned>(&self) -> Result<T, StepError> {
        let read = serde_json::from_value(self.desired.clone());
        read.map_err(|error| {
            StepError::failed("plan", &format!("the step cannot be read: {error}"))
        })
    }
}

impl Verify {
    /// Evaluates a probe after an eventually consistent write; `None` if satisfied. `blocked` is
    /// the error code of an obstacle.
    pub fn unless_satisfied(looked: Result<StepProbe, StepError>, blocked: &str) -> Option<Self> {
        let setback = |code: &str, why: &str| Self::Setback(StepError::failed(code, why));
        Some(match looked {
            Ok(StepProbe::Satisfied) => return None,
            Ok(
                seen @ (StepProbe::Absent | StepProbe::Differs { .. } | StepProbe::Drifted { .. }),
            ) => Self::NotShown(seen),
            Ok(StepProbe::InProgress { .. }) => Self::Running,
            Ok(StepProbe::Blocked { reason }) => setback(blocked, &reason),
            Ok(StepProbe::Unseen { reason }) => setback("unseen", &reason),
            Err(error) => Self::Setback(error),
        })
    }
}

/// Undo of a step (`organization.md` P-15).
#[derive(Clone, Debug, PartialEq)]
pub enum Undo {
    /// By these steps at the same target, in order: step kind and desired state.
    By(Vec<(String, Value)>),
    Not(String),
}

#[derive(Clone, Copy, Debug)]
pub struct JudgedState<'a> {
    pub expected: &'a StepProbe,
    pub seen: &'a StepProbe,
}

#[derive(Clone, Debug, PartialEq)]
pub struct StepPart {
    pub desired: Value,
    pub seen: StepProbe,
    /// Skipped parts in words; may be empty.
    pub left: String,
}

impl StepPart {
    /// The whole step: every part is as expected or desired.
    pub fn whole(desired: Value, seen: StepProbe) -> Self {
        Self {
            desired,
            seen,
            left: String::new(),
        }
    }
}

/// Changes of a failed step with partial effect.
#[derive(Clone, Debug, PartialEq)]
pub struct PartDone {
    pub old: Value,
    pub new: Value,
}

/// Implements steps. `probe`, `look_again` and `verify` are read-only; `act` sends one write and
/// never repeats it.
#[async_trait]
pub trait StepExecutor: Send + Sync {
    async fn probe(&self, step: &PlanStep) -> Result<StepProbe, StepError>;
    /// Probes again directly before the write, without data shared between steps. The engine sends
    /// an absent object, even after an earlier write: executors of non-repeatable calls must look
    /// for that effect here.
    ///
    /// # Errors
    /// As [`probe`](Self::probe); also while an earlier effect may not be visible yet.
    async fn look_again(
        &self,
        step: &PlanStep,
        _sent: &SentBefore,
    ) -> Result<StepProbe, StepError> {
        self.probe(step).await
    }
    /// Sends the write for the probe `seen`.
    async fn act(&self, step: &PlanStep, seen: &StepProbe) -> WriteAnswer;
    async fn verify(&self, step: &PlanStep, remote: &str) -> Verify;
    /// Returns how to undo the change from `old` to `new`.
    fn undo(&self, step: &PlanStep, old: &Value, new: &Value) -> Undo;
    /// Returns whether `now` is a half-finished write of this step on top of `before`. Called only
    /// after a failed write or one with unknown outcome. If false, another user changed the target,
    /// and the step is `drifted`. Single-write steps are never half done.
    fn is_half_done(&self, _step: &PlanStep, _before: &Value, _now: &StepProbe) -> bool {
        false
    }
    /// Completes a state recorded by an earlier release, which may have stored less. Missing data
    /// are unknown, not absent.
    fn kept_before(&self, _step: &PlanStep, before: Value) -> Value {
        before
    }
    /// Returns the partial change of a step that failed or drifted after a write on top of
    /// `before`; none if not visible. Read-only. Single-write steps are never partial.
    async fn done_in_part(&self, _step: &PlanStep, _before: &Value) -> Option<PartDone> {
        None
    }
    /// Returns whether parts of the step are judged separately.
    fn has_parts(&self, _step: &PlanStep) -> bool {
        false
    }
    /// Returns the step without parts changed by other users: those neither as expected nor as
    /// desired. None if judged as a whole.
    fn without_changed_parts(&self, _: &PlanStep, _judged: JudgedState<'_>) -> Option<StepPart> {
        None
    }
}

/// Returns whether `rest` is `whole` with parts removed; a helper for
/// [`StepExecutor::is_half_done`].
pub fn is_rest_of(rest: &Value, whole: &Value) -> bool {
    match (rest, whole) {
        (Value::Array(rest), Value::Array(whole)) => rest.iter().all(|it| whole.contains(it)),
        (Value::Object(rest), Value::Object(whole)) => rest.iter().all(|(name, value)| {
            let before = whole.get(name);
            before.is_some_and(|before| is_rest_of(value, before))
        }),
        (rest, whole) => rest == whole,
    }
}

/// The store failed. Nothing was half written; the plan can be resumed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("store: {0}")]
pub struct StoreFault(pub String);

#[derive(Clone, Debug, PartialEq)]
pub struct TargetChange {
    pub audit: AuditId,
    pub at: Timestamp,
    pub actor: String,
    pub plan: PlanId,
    pub plan_kind: String,
    pub step: StepId,
    pub step_kind: String,
    pub target: StepTarget,
    pub old: Value,
    pub new: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    pub plan: Plan,
    pub aborted: bool,
}

/// An unreadable stored plan: of a later release, or damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadPlan {
    pub id: PlanId,
    pub why: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlansOfKind {
    pub plans: Vec<Saved>,
    /// Unreadable plans, possibly of this kind. Callers that must not repeat work must not ignore
    /// them.
    pub unread: Vec<UnreadPlan>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseAnswer {
    Ours,
    Held { by: String, until: Timestamp },
}

/// A lease ending so much later than the requested one came from a fast clock.
const LEASE_AHEAD_MAX: TimeSpan = TimeSpan::minutes(5);

impl LeaseAnswer {
    pub fn to(claim: &LaneClaim<'_>, held: Option<(String, Timestamp)>) -> Self {
        match held {
            Some((by, held))
                if by != claim.holder
                    && held > claim.now
                    && held <= LEASE_AHEAD_MAX.after(claim.until) =>
            {
                Self::Held { by, until: held }
            }
            Some(_) | None => Self::Ours,
        }
    }
}

/// Lane lease without renewal: longer than the calls of one write, short enough after a crash.
pub const LANE_LEASE: TimeSpan = TimeSpan::seconds(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneClaim<'a> {
    pub holder: &'a str,
    pub now: Timestamp,
    pub until: Timestamp,
}

impl<'a> LaneClaim<'a> {
    pub fn usual(holder: &'a str, now: Timestamp) -> Self {
        Self {
            holder,
            now,
            until: LANE_LEASE.after(now),
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct JournalAddition<'a> {
    pub at: Timestamp,
    pub entry: &'a JournalEntry,
    /// Audit record, stored atomically with the entry.
    pub change: Option<&'a TargetChange>,
}

impl JournalAddition<'_> {
    pub fn record(&self) -> Record {
        Record {
            at: self.at,
            entry: self.entry.clone(),
        }
    }
}

/// Stores plans, journals and lane leases durably before a call returns.
#[async_trait]
pub trait PlanStore: Send + Sync {
    async fn save_plan(&self, plan: &Plan) -> Result<(), StoreFault>;
    async fn plan(&self, id: &PlanId) -> Result<Option<Saved>, StoreFault>;
    async fn plans(&self, limit: u32) -> Result<Vec<Saved>, StoreFault>;
    /// Returns plans of one kind, newest first, at most `limit` readable ones, and the unreadable
    /// ones. Other kinds do not count.
    async fn plans_of_kind(&self, kind: &str, limit: u32) -> Result<PlansOfKind, StoreFault>;
    async fn set_aborted(&self, id: &PlanId, aborted: bool) -> Result<(), StoreFault>;
    async fn append(&self, plan: &PlanId, added: JournalAddition<'_>) -> Result<u64, StoreFault>;
    async fn journal(&self, plan: &PlanId) -> Result<Vec<Stored>, StoreFault>;
    /// Removes record `number` if it is the last: a crash tore it.
    async fn cut_torn(&self, plan: &PlanId, number: u64) -> Result<(), StoreFault>;
    /// Takes or renews a lane, unless it is held. A lease until over five minutes after the claim's
    /// end came from a fast clock and counts as expired.
    async fn lease(&self, lane: &str, claim: LaneClaim<'_>) -> Result<LeaseAnswer, StoreFault>;
    /// Releases a lane; does nothing if `holder` does not have it.
    async fn unlease(&self, lane: &str, holder: &str) -> Result<(), StoreFault>;
}

/// Sleeps; tests advance time instead.
#[async_trait]
pub trait Sleeper: Send + Sync {
    async fn sleep(&self, span: Duration);
}

/// Identity of a runner in leases and the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunnerIdentity {
    pub holder: String,
    pub actor: String,
}

/// Passes events for waiting steps between processes (`organization.md` V-8).
#[async_trait]
pub trait StepNews: Send + Sync {
    /// Counts an event for these steps, atomically. May be repeated: a step then polls once more.
    async fn tell(&self, steps: &[StepId], at: Timestamp) -> Result<(), StoreFault>;
    /// The event count of a step; never decreases while it waits.
    async fn told(&self, step: &StepId) -> Result<u64, StoreFault>;
}
