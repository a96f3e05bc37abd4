//! What is read of a payer account. What was refused is kept as that, and is never taken for nothing.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_iam::powers::{NamedPolicy, RolePolicies};
use serde_json::Value;

use super::file::PayerSide;
use crate::reading::ReadFact;

/// The rule that tells of sign-ins of the root user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RootLoginAlert {
    /// There is one, and it is on.
    pub is_present: bool,
    /// Who hears of it.
    pub told: BTreeSet<PayerSide>,
    /// Rules that are on and whose pattern could not be read, with the reason: they may take sign-ins, or not.
    pub unread: Vec<String>,
}

/// A role of the payer account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayerRole {
    /// Its name, without its path.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// What it may do, boundary among it; unread where one of its policies is.
    pub policies: ReadFact<RolePolicies>,
    /// Who may take it.
    pub trust: NamedPolicy,
}

/// What was read.
#[derive(Clone, Debug)]
pub struct PayerFacts {
    /// Numbers of the account, by name.
    pub summary: ReadFact<BTreeMap<String, i64>>,
    /// The mail address of each alternate contact, by type; none where there is none.
    pub contacts: BTreeMap<&'static str, ReadFact<Option<String>>>,
    /// The telephone number of the account.
    pub phone: ReadFact<Option<String>>,
    /// Every role with its policies.
    pub roles: ReadFact<Vec<PayerRole>>,
    /// What each role of a party may do, of the actions that were asked for: AWS's own opinion.
    pub simulated: BTreeMap<String, ReadFact<BTreeMap<String, bool>>>,
    /// Whether the organization has all features.
    pub has_all_features: ReadFact<bool>,
    /// Whether service control policies are on.
    pub has_scps: ReadFact<bool>,
    /// The rule that tells of sign-ins.
    pub root_login: ReadFact<RootLoginAlert>,
    /// Accounts that are in no unit, beside the payer itself.
    pub accounts_in_root: ReadFact<Vec<String>>,
    /// Service control policies by name.
    pub policies: ReadFact<BTreeMap<String, Value>>,
    /// What the payer account itself cost last month, by service.
    pub own_costs: ReadFact<BTreeMap<String, f64>>,
}
