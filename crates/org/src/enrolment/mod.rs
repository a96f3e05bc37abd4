//! Enrols existing accounts in Control Tower (`organization.md` §7): checked together, then
//! enrolled one by one.
//!
//! ```text
//!   wish ───────────────────┐
//!                           ├─► select ─► checks ─► backend ─► plan ──► runner ──► results
//!   organization ─► gather ─┘
//! ```
//!
//! Everything but `gather` and the executors is pure.

mod request;
mod step_kinds;

mod facts;
mod gather;
mod roles;

mod checks;
mod gains;
mod select;

mod backend;

mod plan;
mod results;

mod earlier;

mod config_steps;
mod executor;
mod polling;
mod rechecks;
mod registering;
mod role_calls;
mod role_steps;
mod stack_sets;

pub use crate::control_tower::FactoryUser;
pub use backend::{ChosenBackend, choose, choose_for};
pub use checks::{EnrolmentCheck, checks, enrollable};
pub use earlier::unfinished_enrolment;
pub use executor::EnrolmentStepExecutor;
pub use facts::{EnrolmentAccount, EnrolmentFacts, GovernedPart, InsideFacts, RegionConfig};
pub use gains::{Exchange, exchange};
pub use gather::{EnrolmentUnread, gather};
pub use plan::{
    CONFIG_KIND, EnrolmentPlan, PLAN_KIND, PLANS_LOOK, PlannedAccount, draft, draft_config,
    is_enrolment_step,
};
pub(crate) use plan::{DesiredRegistration, UnitMove};
pub use request::{EnrolmentBackend, EnrolmentRequest, RoleCreation};
pub use results::{EnrolmentStatus, enrolment_results};
pub use roles::{EnrolmentCalls, TRUSTED_ROLES};
pub use select::{SelectedAccounts, SkippedAccount, select};
pub(crate) use step_kinds::{AnyStepKind, EnrolmentStepKind};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnrolmentRefused {
    /// The request is invalid for this organization.
    #[error("{0}")]
    Unusable(String),
    #[error("unit {unit} has {accounts} accounts, and Control Tower governs {most} in one")]
    TooMany {
        unit: String,
        accounts: usize,
        most: usize,
    },
    #[error("account {account} cannot enrol accounts")]
    NotManagement { account: String },
}
