//! Proves possible actions of a role's policies, for any request and resource. A condition on a key
//! that varies between requests proves nothing either way.
//!
//! INVARIANT: [`Power::Never`] means the given policies allow no request for the action. Excludes
//! resource policies; service control policies only restrict.

mod combine;
mod rule;
mod trust;

use std::collections::{BTreeMap, BTreeSet};

pub use trust::{RoleTrust, role_trust};

use crate::error::LoadError;
use crate::evaluation::Context;
use crate::facts::ActionFacts;
use rule::PowerRule;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPolicy {
    /// Name or ARN.
    pub name: String,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolePolicies {
    pub arn: String,
    /// Attached and inline policies.
    pub identity: Vec<NamedPolicy>,
    pub boundary: Option<NamedPolicy>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy `{name}`: {error}")]
pub struct UnreadablePolicy {
    pub name: String,
    pub error: LoadError,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Power {
    /// No request is allowed.
    Never,
    /// Depends on an unpredictable condition key.
    Perhaps,
    /// Some request is allowed, regardless of conditions.
    Surely,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPower {
    pub power: Power,
    /// For every resource and request.
    pub everywhere: bool,
    /// Undecided condition keys with their policies.
    pub doubts: BTreeSet<String>,
}

impl FoundPower {
    fn none() -> Self {
        Self {
            power: Power::Never,
            everywhere: false,
            doubts: BTreeSet::new(),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Powers {
    allows: Vec<PowerRule>,
    denies: Vec<PowerRule>,
    /// Boundary; none without one.
    limits: Option<Vec<PowerRule>>,
    /// The role's: it has no resources elsewhere.
    partition: String,
}

impl Powers {
    /// # Errors
    /// The first policy that AWS would refuse: its effect is unknown.
    pub fn read(role: &RolePolicies) -> Result<Self, UnreadablePolicy> {
        Self::read_where(role, &Context::new())
    }

    /// Only for requests with these condition keys, which removes doubts about them.
    ///
    /// # Errors
    /// As [`Powers::read`].
    pub fn read_where(role: &RolePolicies, keys: &Context) -> Result<Self, UnreadablePolicy> {
        let mut known = rule::known_keys(&role.arn);
        for (key, value) in keys.iter() {
            known.set(key, value.clone());
        }
        let (mut allows, mut denies) = (Vec::new(), Vec::new());
        for policy in &role.identity {
            let rules = rule::read(policy, &known)?;
            allows.extend(rules.allows);
            denies.extend(rules.denies);
        }
        let limits = match &role.boundary {
            None => None,
            Some(policy) => {
                let rules = rule::read(policy, &known)?;
                denies.extend(rules.denies);
                Some(rules.allows)
            }
        };
        Ok(Self {
            allows,
            denies,
            limits,
            partition: role.arn.split(':').nth(1).unwrap_or("*").to_owned(),
        })
    }

    pub fn of(&self, action: &ActionFacts) -> FoundPower {
        combine::weigh(self, action, None)
    }

    pub fn on(&self, action: &ActionFacts, resource: &str) -> FoundPower {
        combine::weigh(self, action, Some(resource))
    }

    /// `Resource` texts of Allows; `*` for exclusions.
    pub fn resources_of(&self, action: &ActionFacts) -> BTreeSet<String> {
        let name = rule::lower_name(action);
        let taking = self.allows.iter().filter(|it| it.takes(&name));
        taking.flat_map(PowerRule::patterns).collect()
    }

    pub fn all(&self) -> Vec<(&'static ActionFacts, FoundPower)> {
        let mut named = BTreeMap::new();
        for rule in &self.allows {
            let known = rule.known_actions().into_iter();
            named.extend(known.map(|it| ((it.service, it.name), it)));
        }
        let found = named.into_values().map(|it| (it, self.of(it)));
        found
            .filter(|(_, found)| found.power != Power::Never)
            .collect()
    }

    /// Allowed unknown actions: misspelled, or newer than the facts.
    pub fn unknown_actions(&self) -> BTreeSet<String> {
        let all = self.allows.iter().flat_map(PowerRule::unknown_actions);
        all.collect()
    }

    /// First action of `other` not allowed everywhere here.
    pub fn lacks(&self, other: &Self) -> Option<&'static ActionFacts> {
        let actions = other.allows.iter().flat_map(PowerRule::known_actions);
        actions
            .into_iter()
            .find(|it| !self.of(it).everywhere && other.of(it).power != Power::Never)
    }
}
