//! Plans: targets × steps, probed first, journaled, resumable (`organization.md` §0.1).
//!
//! A [`Plan`] has [`PlanStep`]s, each with one desired state at one [`StepTarget`].
//! [`Runner::look`] probes every step and saves the results. [`Runner::apply`] executes the saved
//! plan: it stores an intent before each write and the answer after it. After a crash it probes
//! again before it repeats a write. A [`StepExecutor`] implements the steps.
//!
//! A [`CheckResult`] is read-only (§0.2).
//!
//! Must not know AWS, databases or the meaning of steps.

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
    PlansOfKind, RunnerIdentity, Saved, Sleeper, StepError, StepExecutor, StepNews, StepPart,
    StoreFault, TargetChange, Undo, UnreadPlan, Verify, WriteAnswer, is_rest_of,
};
pub use report::{Exit, PlanReport, PlanState, StepReport, TargetReport, Totals};
pub use retry::{Class, Retry, pause};
pub use run::{Applying, Looked, RunError, Runner, RunnerPorts, goes_on_by_itself, report_of};
pub use undo::{Undoing, undo};
pub mod fanout;
pub mod testing;
