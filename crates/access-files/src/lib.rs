//! Permission sets and account assignments as files (`inventory.md` §4).
//!
//! ```text
//!   files ──► read ──► AccessFile ──► select ──► WantedAccess ─┐
//!                                                             ├─► compare ──► AccessDiff ──► steps ──► runner
//!   Identity Center ──► read_access ──► SeenAccess ───────────┘       │
//!                                            └──► export              └──► refusals, drift
//! ```
//!
//! Everything above the ports is pure. Temporary access is excluded everywhere (promise P3).

mod finding;
mod managed_policies;
mod state;

mod file;
mod read;

mod select;

mod compare;
mod convert;
mod drift;
mod drift_author;
mod export;
mod export_toml;
mod refusal;

mod planning;
mod probe;
mod read_access;
mod step_executor;
mod steps;

mod memberships;
mod review;

mod ports;

pub use compare::{AccessDiff, BlockedDeletion, DiffTotals, compare};
pub use convert::{
    Conversion, LeftOutReason, ProposedAccounts, ProposedLimits, ProposedRule, convert,
    proposed_rules,
};
pub use drift::{DriftAuthor, DriftKind, DriftSubject, DriftedItem, LastChange, drift};
pub use drift_author::{changing_events, name_authors};
pub use export::{Exported, export};
pub use export_toml::NotToml;
pub use file::{AccessFile, AssignmentBlock, DeclaredSet, IgnoredAccess, ManagedScope, Settings};
pub use finding::{FileFinding, Place};
pub use memberships::{MembershipStepExecutor, is_membership_step};
pub use planning::{SavedDiff, plan};
pub use ports::{GrantedAccess, LiveGrants, PermissionSetAdmin};
pub use read::{PolicyFileReader, SourceText, read};
pub use read_access::{UnreadAccess, leave_to_grants, read_access};
pub use refusal::{AccessRefusal, CallerSession, LastAccess, last_access, refusals};
pub use review::{REVIEW_PLAN_KIND, ReviewedAccess, removal_plan, review_plan};
pub use select::{Ignoring, WantedAccess, WantedSet, select};
pub use state::{
    AccountAssignment, CustomerPolicy, GroupMember, PermissionSetContent, PermissionsBoundary,
    PrincipalRef, SeenAccess, SeenSet, SetPart, iso_duration,
};
pub use step_executor::AccessStepExecutor;
pub use steps::{AccessAction, AccessChange, PLAN_KIND, SetAction, is_access_step};
