//! What is done in a member account, as steps of plans: look, act on the offending part alone, look again, go back.

mod executor;
mod flow_logs;
mod keys;
mod own_code;
mod password;
mod place;
mod public_access;
mod security_groups;
mod switches;
mod wish;

use hallpass_plans::StepProbe;

/// Somebody has worked on it since the action: nothing is taken back.
fn drifted(what: &str) -> StepProbe {
    StepProbe::Drifted {
        reason: format!("{what} since it was changed here; nothing is taken back"),
    }
}

pub use executor::{RemediationStepExecutor, actions_in_accounts, is_remediation_step};
pub(crate) use own_code::answer;
pub(crate) use place::NOT_ENTERED;
pub use wish::{RemediationWish, plan_of};
