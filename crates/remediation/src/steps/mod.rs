//! What is done in a member account, as steps of plans: look, act on the offending part alone, look again, go back.

mod executor;
mod flow_logs;
mod keys;
mod password;
mod place;
mod public_access;
mod security_groups;
mod switches;
mod wish;

pub use executor::{RemediationStepExecutor, actions_in_accounts, is_remediation_step};
pub(crate) use place::NOT_ENTERED;
pub use wish::{RemediationWish, plan_of};
