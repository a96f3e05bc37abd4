//! Membership of groups that follows attributes of people (`access.md` §15.1): which groups, by which
//! rules, what a look at the directory comes to, and what is kept of it. Pure; the writes are those of
//! `hallpass-assignments`, as for everything else.

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
