//! What running a plan needs from outside: hands that look and act, a journal that lasts, leases,
//! and a way to wait.

use std::time::Duration;

use async_trait::async_trait;
use hallpass_base::{AuditId, TimeSpan, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::journal::{JournalEntry, Record, SentBefore, Stored};
use crate::plan::{Plan, PlanId, PlanStep, StepId, StepProbe, StepTarget};
use crate::retry::{Class, Retry};

/// Why a look or a write brought no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepError {
    /// It may work later. Whether a write had its effect is not known: the engine looks before it
    /// sends again.
    Retry(Retry),
    /// It never will.
    Failed {
        /// The service's error name, or ours.
        code: String,
        /// AWS's words.
        text: String,
    },
}

impl StepError {
    /// It never will: `code` is the service's error name, or ours.
    pub fn failed(code: &str, text: &str) -> Self {
        Self::Failed {
            code: code.to_owned(),
            text: text.to_owned(),
        }
    }

    /// It may work later, after the pauses of `class`.
    pub fn later(class: Class, why: String) -> Self {
        Self::Retry(Retry::new(class, why))
    }

    /// A plan of another version has a step that nothing here carries out.
    pub fn unknown_step(kind: &str) -> Self {
        Self::failed("unknown_step", &format!("no step is called `{kind}`"))
    }
}

/// What a write did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effect {
    /// The form it has now.
    pub new: Value,
    /// The service's request ids, for support cases.
    pub requests: Vec<String>,
}

/// How a write was answered (`organization.md` P-2).
#[derive(Clone, Debug, PartialEq)]
pub enum WriteAnswer {
    /// Done.
    Done(Effect),
    /// Taken on; it is asked for under this id.
    Accepted {
        /// The id at the service.
        remote: String,
    },
    /// Nothing was done, for what is wanted stands there already: ours where an earlier write of the step was sent,
    /// somebody else's where none was.
    AlreadyThere {
        /// What the service said.
        why: String,
    },
    /// Nothing was sent: what was read directly before the write is not what the step was judged by any more.
    ChangedBefore,
    /// Not done, or not known to be.
    Setback(StepError),
}

impl WriteAnswer {
    /// Something else is at work on the same thing; it is tried again.
    pub fn later(why: String) -> Self {
        Self::Setback(StepError::later(Class::Conflict, why))
    }
}

/// What became of something that was taken on.
#[derive(Clone, Debug, PartialEq)]
pub enum Verify {
    /// Still under way.
    Running,
    /// The write was taken on and does not show yet: what a look shows instead, which is what stood there before the write
    /// unless another user changed it since.
    NotShown(StepProbe),
    /// Done.
    Done(Effect),
    /// It ended without an effect, and may be sent again after a look.
    Again(Retry),
    /// Could not be seen, or ended badly.
    Setback(StepError),
}

impl PlanStep {
    /// What is wanted, as its kind reads it.
    ///
    /// # Errors
    /// When an earlier or later version wrote something else.
    pub fn wish<T: DeserializeOwned>(&self) -> Result<T, StepError> {
        let read = serde_json::from_value(self.desired.clone());
        read.map_err(|error| {
            StepError::failed("plan", &format!("the step cannot be read: {error}"))
        })
    }
}

impl Verify {
    /// What a look behind a write says, for writes that show some time after they were taken; `None` where all is as wanted.
    /// `blocked` is the code of what stands in the way.
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

/// How a step is undone (`organization.md` P-15).
#[derive(Clone, Debug, PartialEq)]
pub enum Undo {
    /// By these wishes at the same target, in this order: the step's kind and what is desired.
    By(Vec<(String, Value)>),
    /// Not at all, and why.
    Not(String),
}

/// What a step with parts is judged by.
#[derive(Clone, Copy, Debug)]
pub struct JudgedState<'a> {
    /// What the plan expected.
    pub expected: &'a StepProbe,
    /// What is there.
    pub seen: &'a StepProbe,
}

/// What is left of a step of which somebody changed parts since the plan was judged.
#[derive(Clone, Debug, PartialEq)]
pub struct StepPart {
    /// What is still to be so.
    pub desired: Value,
    /// What was seen of that.
    pub seen: StepProbe,
    /// What is left as somebody made it, in words; empty where nothing is.
    pub left: String,
}

impl StepPart {
    /// All of it: every part is as the plan expects, or as it is to be.
    pub fn whole(desired: Value, seen: StepProbe) -> Self {
        Self {
            desired,
            seen,
            left: String::new(),
        }
    }
}

/// What a step changed that failed after its write took effect in part.
#[derive(Clone, Debug, PartialEq)]
pub struct PartDone {
    /// The form before, of what was changed.
    pub old: Value,
    /// The form after. Of a step that has parts it is what is desired of those that were changed.
    pub new: Value,
}

/// Whoever knows what steps mean. `probe`, `look_again` and `verify` change nothing; `act` sends one write and
/// never repeats it.
#[async_trait]
pub trait StepExecutor: Send + Sync {
    /// Looks at the target.
    ///
    /// # Errors
    /// When it cannot be seen.
    async fn probe(&self, step: &PlanStep) -> Result<StepProbe, StepError>;
    /// Looks once more directly before the write: what many steps of a plan may share while it is made is read here for
    /// this one alone. What such a look calls absent is sent, also where something was sent before: an executor whose
    /// call must not be repeated blindly looks for its effect here.
    ///
    /// # Errors
    /// As [`probe`](Self::probe); also while an effect may be there that does not show yet.
    async fn look_again(
        &self,
        step: &PlanStep,
        _sent: &SentBefore,
    ) -> Result<StepProbe, StepError> {
        self.probe(step).await
    }
    /// Sends the write that `seen` asks for.
    async fn act(&self, step: &PlanStep, seen: &StepProbe) -> WriteAnswer;
    /// Asks what became of `remote`.
    async fn verify(&self, step: &PlanStep, remote: &str) -> Verify;
    /// How a step that changed `old` to `new` is undone.
    fn undo(&self, step: &PlanStep, old: &Value, new: &Value) -> Undo;
    /// Whether `now` is what a write of this step leaves that was stopped half way, where `before` stood before it. Asked
    /// only after a write was sent whose answer is not known, or which failed; where it is not, somebody else was at work
    /// since, and the step is `drifted`. A step of one write is never half done.
    fn is_half_done(&self, _step: &PlanStep, _before: &Value, _now: &StepProbe) -> bool {
        false
    }
    /// What stood there before a write, as the journal has it of an earlier run: an earlier release may have kept less. What it
    /// did not keep is not known, and must not be said to be nothing.
    fn kept_before(&self, _step: &PlanStep, before: Value) -> Value {
        before
    }
    /// What a step changed that failed, or drifted, after it sent something, where `before` stood before that; none where
    /// nothing shows. It changes nothing itself. A step of one write is done or not, and never in part.
    async fn done_in_part(&self, _step: &PlanStep, _before: &Value) -> Option<PartDone> {
        None
    }
    /// Whether a step is made of parts that are judged one by one.
    fn has_parts(&self, _step: &PlanStep) -> bool {
        false
    }
    /// What is left of a step that has parts: those that were neither as expected nor as wanted when they were seen
    /// somebody changed, and they are left alone. None where the step is judged as a whole.
    fn without_changed_parts(&self, _: &PlanStep, _judged: JudgedState<'_>) -> Option<StepPart> {
        None
    }
}

/// Whether `rest` is what is left of `whole` after parts of it were taken away, and nothing else: what
/// [`StepExecutor::is_half_done`] says of steps that write part by part.
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

/// The store could not answer. Nothing was half done; the plan can be resumed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("store: {0}")]
pub struct StoreFault(pub String);

/// A target that was changed: what the audit log says of it (`organization.md` P-12).
#[derive(Clone, Debug, PartialEq)]
pub struct TargetChange {
    /// The id of its record.
    pub audit: AuditId,
    /// When it was changed.
    pub at: Timestamp,
    /// Who had the plan applied.
    pub actor: String,
    /// The plan.
    pub plan: PlanId,
    /// Its kind.
    pub plan_kind: String,
    /// The step.
    pub step: StepId,
    /// Its kind.
    pub step_kind: String,
    /// Where the step acts.
    pub target: StepTarget,
    /// The form before.
    pub old: Value,
    /// The form after.
    pub new: Value,
}

/// A plan as the store has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// The plan.
    pub plan: Plan,
    /// Whether somebody asked for it to stop.
    pub aborted: bool,
}

/// A plan that the store has and that cannot be read: of a later release, or damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadPlan {
    /// Its id. Its journal may well be readable.
    pub id: PlanId,
    /// What is wrong with it.
    pub why: String,
}

/// Plans of one kind, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlansOfKind {
    /// Those that can be read.
    pub plans: Vec<Saved>,
    /// Those that cannot, and may be of this kind. Whoever must do nothing twice may not pass over them.
    pub unread: Vec<UnreadPlan>,
}

/// Who holds a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseAnswer {
    /// The caller, until the time asked for.
    Ours,
    /// Somebody else.
    Held {
        /// Who holds it.
        by: String,
        /// Until when, unless they renew it.
        until: Timestamp,
    },
}

/// A lease that ends so much later than the one asked for was taken by a clock that ran ahead.
const LEASE_AHEAD_MAX: TimeSpan = TimeSpan::minutes(5);

impl LeaseAnswer {
    /// The answer to a claim; `held` says who has the lane until when.
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

/// How long a lane is held without being renewed: longer than the calls of one write take, short
/// enough that a stop does not keep others waiting.
pub const LANE_LEASE: TimeSpan = TimeSpan::seconds(60);

/// Who wants a lane, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneClaim<'a> {
    /// Whoever is to have it.
    pub holder: &'a str,
    /// When that is asked.
    pub now: Timestamp,
    /// Until when, if nobody renews it.
    pub until: Timestamp,
}

impl<'a> LaneClaim<'a> {
    /// A claim for as long as runners have lanes.
    pub fn usual(holder: &'a str, now: Timestamp) -> Self {
        Self {
            holder,
            now,
            until: LANE_LEASE.after(now),
        }
    }
}

/// What is added to a journal.
#[derive(Clone, Copy, Debug)]
pub struct JournalAddition<'a> {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub entry: &'a JournalEntry,
    /// What has an audit record of its own, together with the entry or not at all.
    pub change: Option<&'a TargetChange>,
}

impl JournalAddition<'_> {
    /// What the journal keeps.
    pub fn record(&self) -> Record {
        Record {
            at: self.at,
            entry: self.entry.clone(),
        }
    }
}

/// Plans, their journal and lane leases, on stable storage when a call returns.
#[async_trait]
pub trait PlanStore: Send + Sync {
    /// Keeps a plan in place of the one of its id, not aborted.
    async fn save_plan(&self, plan: &Plan) -> Result<(), StoreFault>;
    /// One plan.
    async fn plan(&self, id: &PlanId) -> Result<Option<Saved>, StoreFault>;
    /// Plans, newest first, at most `limit`. One that cannot be read hides no other: it is left out, and told in the log.
    async fn plans(&self, limit: u32) -> Result<Vec<Saved>, StoreFault>;
    /// Plans of one kind, newest first, at most `limit` of those that can be read, and what cannot be read: those of other
    /// kinds count for nothing.
    async fn plans_of_kind(&self, kind: &str, limit: u32) -> Result<PlansOfKind, StoreFault>;
    /// Asks a plan to stop, or takes that back.
    async fn set_aborted(&self, id: &PlanId, aborted: bool) -> Result<(), StoreFault>;
    /// Adds to the journal and returns the entry's number.
    async fn append(&self, plan: &PlanId, added: JournalAddition<'_>) -> Result<u64, StoreFault>;
    /// The journal of a plan as stored, in order.
    async fn journal(&self, plan: &PlanId) -> Result<Vec<Stored>, StoreFault>;
    /// Removes record `number` of a journal if it is the last: a stop tore it.
    async fn cut_torn(&self, plan: &PlanId, number: u64) -> Result<(), StoreFault>;
    /// Takes or renews a lane, unless another has it when it is claimed. One that another has until
    /// over five minutes after the claim's end was taken by a clock that ran ahead, and is over.
    async fn lease(&self, lane: &str, claim: LaneClaim<'_>) -> Result<LeaseAnswer, StoreFault>;
    /// Gives a lane back; nothing happens when it is not `holder`'s.
    async fn unlease(&self, lane: &str, holder: &str) -> Result<(), StoreFault>;
}

/// Waits. Tests let time pass instead.
#[async_trait]
pub trait Sleeper: Send + Sync {
    /// Returns after `span`.
    async fn sleep(&self, span: Duration);
}

/// Who runs plans: in leases, and in the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunnerIdentity {
    /// Tells this process from every other.
    pub holder: String,
    /// Who asked for it.
    pub actor: String,
}
