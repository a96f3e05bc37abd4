//! Group membership by user attributes (`access.md` §15.1). Pure; `hallpass-assignments` does the
//! writes.

mod explained;
mod item;
mod plan;
mod report;
mod settings;
#[cfg(test)]
mod tests;

pub use explained::AttributeMembership;
pub(crate) use explained::memberships;
pub use item::{GroupSyncItem, GroupSyncState, GroupSyncWrite, MembershipChange};
pub use plan::{
    Addition, GroupPlan, GroupProblem, GroupSyncBrake, GroupSyncFacts, GroupSyncPlan, ManualMember,
    WhyManual, plan_groups,
};
pub use report::{FirstPeople, GroupReport, GroupSyncOutcome, GroupSyncRun};
pub use settings::{GroupSyncRule, GroupSyncSettings, ManagedGroup, ManualMembers, group_named};
