//! Automatic remediation of findings (`organization.md` §6). A [`RuleFile`] maps each [`Deviation`]
//! to an action; [`choose`] and [`settle`] are pure. A decision is stored as a [`Remediation`]
//! before its event is deleted. A [`RemediationWorker`] does the due work: a plan of one step in
//! the account of the finding, and a note on the finding.
//!
//! Must not know networks, credentials, files or SQL: calls use [`MemberCalls`], storage uses
//! [`RemediationStore`].

mod action;
mod approvers;
mod conditions;
mod deviation;

mod span;

mod rules;

mod decide;
mod item;

mod standing;
mod steps;

mod handler;
mod press;
mod worker;

mod ports;

pub use crate::FindingKey;
pub use action::{ActionKind, function_region, named_function};
pub use approvers::ApproverEntry;
pub use conditions::Conditions;
pub use decide::{
    AccountStanding, Before, RemediationDecision, RuleChoice, Yes, choose, is_own_account,
    no_longer_wanted, settle,
};
pub use deviation::{
    ConfigKey, Deviation, REMEDIATED_BY, RESULT, ReadDeviations, read_deviations, takes,
};
pub use handler::{RemediationHandler, Taken};
pub use item::{
    Label, Remediation, RemediationId, RemediationPhase, RemediationResult, WorkflowStatus,
    WriteBack,
};
pub use ports::{
    AccountStandings, CalledCode, CodeAnswer, CodeFault, MemberAnswer, MemberCalls, MemberFault,
    MemberFaultKind, MemberOperation, MemberPlace, MemberSession, OwnCode, RemediationCursor,
    RemediationFilter, RemediationStore, RemediationStoreFault,
};
pub use press::{PressRefusal, approved, declined, may_undo, undone};
pub use rules::{
    ExceptionAction, RemediationException, RemediationMode, RemediationRule, RuleFile,
};
pub use standing::{CONFIG_ACTION, Standing, StandingReader, Standings};
pub use steps::{
    RemediationArguments, RemediationStepExecutor, actions_in_accounts, is_remediation_step,
    plan_of,
};
pub use worker::{RemediationPorts, RemediationWorker, Worked, is_labelled_by_us, siblings_of};
