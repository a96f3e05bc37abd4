//! Plans: targets × steps, looked at first, journaled, resumable (`organization.md` §0.1).
//!
//! A [`Plan`] is made of [`PlanStep`]s, each of which wants one thing at one [`StepTarget`]. [`Runner::look`]
//! probes every step and saves what it saw; [`Runner::apply`] carries out what was saved: an intent
//! is stored before each write, its answer after it, and after a stop the world is looked at before
//! anything is sent again. What a step does is said by whoever fills [`StepExecutor`].
//!
//! A [`CheckResult`] is the other form: it reads, says what it found, and changes nothing (§0.2).
//!
//! Knows nothing of AWS, of databases or of what any step means.

mod check;
mod lane;
mod plan;

mod journal;
mod report;
mod retry;

mod difference;
mod run;
mod undo;

mod ports;

pub use check::{
    CheckOutcome, CheckResult, CheckRow, CheckScore, CheckSeverity, CheckStrictness, junit,
};
pub use difference::{PlanDifference, plan_differences};
pub use journal::{
    Final, Folded, JournalEntry, JournalError, Record, SentBefore, StepEnd, StepState, Stored, fold,
};
pub use lane::Lane;
pub use plan::{
    Plan, PlanDraft, PlanId, PlanLimits, PlanStep, StepId, StepProbe, StepTarget, TakenBack, hash,
};
pub use ports::{
    Effect, JournalAddition, JudgedState, LANE_LEASE, LaneClaim, LeaseAnswer, PartDone, PlanStore,
    PlansOfKind, RunnerIdentity, Saved, Sleeper, StepError, StepExecutor, StepPart, StoreFault,
    TargetChange, Undo, UnreadPlan, Verify, WriteAnswer, is_rest_of,
};
pub use report::{Exit, PlanReport, PlanState, StepReport, TargetReport, Totals};
pub use retry::{Class, Retry, pause};
pub use run::{Applying, Looked, RunError, Runner, RunnerPorts, goes_on_by_itself, report_of};
pub use undo::{Undoing, undo};
pub mod fanout;
pub mod testing;
