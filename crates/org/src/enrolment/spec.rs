use std::collections::BTreeSet;

use hallpass_base::AccountId;
use serde::{Deserialize, Serialize};

use crate::control_tower::FactoryUser;

/// Enrolment methods (`organization.md` N-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnrolmentBackend {
    /// Move the accounts; Control Tower enrols them automatically.
    Move,
    /// Move the accounts, and reset baseline and controls of their unit.
    Baseline,
    /// Register their unit with all accounts.
    Register,
    /// Enrol each by Account Factory, as a Service Catalog product.
    AccountFactory,
}

impl EnrolmentBackend {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Move => "move",
            Self::Baseline => "baseline",
            Self::Register => "register",
            Self::AccountFactory => "account-factory",
        }
    }
}

/// Creation of `AWSControlTowerExecution` (`organization.md` N-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoleCreation {
    None,
    /// In each account without it, through an accessible role.
    Account,
    /// In each account without it, by a stack set of the management account: needs no role.
    Ou,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentRequest {
    /// Source units: name, id, `Name (id)` or path.
    pub units: Vec<String>,
    pub recursive: bool,
    pub accounts: Vec<AccountId>,
    /// Case-insensitive.
    pub emails: Vec<String>,
    /// Target unit: name, id, `Name (id)` or path.
    pub to: String,
    pub via: Option<EnrolmentBackend>,
    pub create_role: RoleCreation,
    /// Accounts whose Config may stay, as AWS Support has allowed it.
    pub allow_config: BTreeSet<AccountId>,
    pub all_or_nothing: bool,
    pub user: FactoryUser,
}
