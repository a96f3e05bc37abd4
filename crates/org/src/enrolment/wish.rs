//! What is wanted of an enrolment.

use std::collections::BTreeSet;

use hallpass_base::AccountId;
use serde::{Deserialize, Serialize};

use crate::control_tower::FactoryUser;

/// How accounts are enrolled (`organization.md` N-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnrolmentBackend {
    /// They are moved, and Control Tower enrols them by itself.
    Move,
    /// They are moved, and the baseline and the controls of their unit are set again.
    Baseline,
    /// The unit they stand in is registered, and they with it.
    Register,
    /// Account Factory takes each on as a product of Service Catalog.
    AccountFactory,
}

impl EnrolmentBackend {
    /// As flags and plans say it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Move => "move",
            Self::Baseline => "baseline",
            Self::Register => "register",
            Self::AccountFactory => "account-factory",
        }
    }
}

/// Where `AWSControlTowerExecution` is made (`organization.md` N-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoleCreation {
    /// Nowhere.
    None,
    /// In each account that lacks it, with a role that can enter it.
    Account,
    /// In each account that lacks it, by a stack set of the management account: no role has to be there.
    Ou,
}

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentWish {
    /// Units whose accounts are meant: name, id, `Name (id)` or path.
    pub units: Vec<String>,
    /// Whether the units below them are meant, too.
    pub recursive: bool,
    /// Accounts.
    pub accounts: Vec<AccountId>,
    /// Addresses of accounts, whatever the case of their letters.
    pub emails: Vec<String>,
    /// The unit they come into: name, id, `Name (id)` or path.
    pub to: String,
    /// How; `None`: the first way that is possible.
    pub via: Option<EnrolmentBackend>,
    /// Where the role that Control Tower enters by is made.
    pub create_role: RoleCreation,
    /// Accounts whose Config may stay, since AWS Support has allowed it.
    pub allow_config: BTreeSet<AccountId>,
    /// Whether one account that cannot be enrolled stops all.
    pub all_or_nothing: bool,
    /// Whom Account Factory gives access.
    pub user: FactoryUser,
}
