//! What is read of a payer account. What was refused is kept as that, and is never taken for nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::file::PayerSide;

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadFact {
    /// The action: `iam:GetAccountSummary`.
    pub action: String,
    /// The code and words of the refusal.
    pub reason: String,
}

/// The rule that tells of sign-ins of the root user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RootLoginAlert {
    /// There is one, and it is on.
    pub is_present: bool,
    /// Who hears of it.
    pub told: BTreeSet<PayerSide>,
}

/// What was read.
#[derive(Clone, Debug)]
pub struct PayerFacts {
    /// Numbers of the account, by name.
    pub summary: Result<BTreeMap<String, i64>, UnreadFact>,
    /// The mail address of each alternate contact, by type; none where there is none.
    pub contacts: BTreeMap<&'static str, Result<Option<String>, UnreadFact>>,
    /// The telephone number of the account.
    pub phone: Result<Option<String>, UnreadFact>,
    /// What each role may do, of the actions that were asked for.
    pub simulated: BTreeMap<String, Result<BTreeMap<String, bool>, UnreadFact>>,
    /// Whether the organization has all features.
    pub has_all_features: Result<bool, UnreadFact>,
    /// Whether service control policies are on.
    pub has_scps: Result<bool, UnreadFact>,
    /// The rule that tells of sign-ins.
    pub root_login: Result<RootLoginAlert, UnreadFact>,
    /// Accounts that are in no unit, beside the payer itself.
    pub accounts_in_root: Result<Vec<String>, UnreadFact>,
    /// Service control policies by name.
    pub policies: Result<BTreeMap<String, Value>, UnreadFact>,
    /// What the payer account itself cost last month, by service.
    pub own_costs: Result<BTreeMap<String, f64>, UnreadFact>,
}
