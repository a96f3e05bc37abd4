//! Steps in a member account: read, change only the offending part, read again, undo.

mod executor;
mod flow_logs;
mod keys;
mod own_code;
mod password;
mod place;
mod public_access;
mod security_groups;
mod spec;
mod switches;

use hallpass_plans::StepProbe;

/// Changed since the action: no undo.
fn drifted(what: &str) -> StepProbe {
    StepProbe::Drifted {
        reason: format!("{what} since it was changed here; nothing is taken back"),
    }
}

pub use executor::{RemediationStepExecutor, actions_in_accounts, is_remediation_step};
pub(crate) use own_code::answer;
pub(crate) use place::NOT_ENTERED;
pub use spec::{RemediationArguments, plan_of};
