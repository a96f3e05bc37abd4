//! Facts of a payer account. A refused read is stored as such, never as empty.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_iam::powers::{NamedPolicy, RolePolicies};
use serde_json::Value;

use super::file::PayerSide;
use crate::reading::ReadFact;

/// The rule that reports root user sign-ins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RootLoginAlert {
    pub is_present: bool,
    pub told: BTreeSet<PayerSide>,
    /// Enabled rules with an unreadable pattern: they may match sign-ins.
    pub unread: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayerRole {
    /// Without its path.
    pub name: String,
    pub arn: String,
    pub policies: ReadFact<RolePolicies>,
    pub trust: NamedPolicy,
}

#[derive(Clone, Debug)]
pub struct PayerFacts {
    pub summary: ReadFact<BTreeMap<String, i64>>,
    /// Mail address by contact type; `None` if there is no contact.
    pub contacts: BTreeMap<&'static str, ReadFact<Option<String>>>,
    pub phone: ReadFact<Option<String>>,
    pub roles: ReadFact<Vec<PayerRole>>,
    /// AWS's simulation per role and action.
    pub simulated: BTreeMap<String, ReadFact<BTreeMap<String, bool>>>,
    pub has_all_features: ReadFact<bool>,
    pub has_scps: ReadFact<bool>,
    pub root_login: ReadFact<RootLoginAlert>,
    pub accounts_in_root: ReadFact<Vec<String>>,
    pub policies: ReadFact<BTreeMap<String, Value>>,
    /// The payer account's own costs of last month, by service.
    pub own_costs: ReadFact<BTreeMap<String, f64>>,
}
