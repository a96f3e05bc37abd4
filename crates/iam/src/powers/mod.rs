//! What the policies of a role let it do at all, action by action, with proof: whatever it asks, of whichever resource. A
//! condition whose key is not the same in every request of the role proves nothing, in either direction.
//!
//! INVARIANT: [`Power::Never`] means that no request for the action is allowed by the policies that were given. Policies of
//! resources are not among them, and service control policies only take away.

mod rule;
mod trust;
mod weigh;

use std::collections::{BTreeMap, BTreeSet};

pub use trust::{RoleTrust, role_trust};

use crate::error::LoadError;
use crate::evaluation::Context;
use crate::facts::ActionFacts;
use rule::PowerRule;

/// A policy with the name that it is spoken of by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPolicy {
    /// Its name, or its ARN.
    pub name: String,
    /// The JSON.
    pub text: String,
}

/// The policies of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolePolicies {
    /// The ARN of the role.
    pub arn: String,
    /// Those attached to it, and those inside it.
    pub identity: Vec<NamedPolicy>,
    /// Its permissions boundary.
    pub boundary: Option<NamedPolicy>,
}

/// A policy that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy `{name}`: {error}")]
pub struct UnreadablePolicy {
    /// Its name.
    pub name: String,
    /// Why.
    pub error: LoadError,
}

/// Whether something may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Power {
    /// No request is allowed.
    Never,
    /// A condition decides, whose key nobody knows ahead.
    Perhaps,
    /// Some request is allowed, whatever conditions say.
    Surely,
}

/// What is found about one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPower {
    /// Whether it may be done.
    pub power: Power,
    /// With every resource, in every request.
    pub everywhere: bool,
    /// Why it is not known: condition keys, each with its policy.
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

/// What the policies of a role let it do.
#[derive(Debug, Clone)]
pub struct Powers {
    allows: Vec<PowerRule>,
    denies: Vec<PowerRule>,
    /// What the boundary allows at most; none where there is no boundary.
    limits: Option<Vec<PowerRule>>,
    /// That of the role: it has no resources elsewhere.
    partition: String,
}

impl Powers {
    /// Reads the policies.
    ///
    /// # Errors
    /// The first that AWS would not take as a policy: what it allows is not known.
    pub fn read(role: &RolePolicies) -> Result<Self, UnreadablePolicy> {
        Self::read_where(role, &Context::new())
    }

    /// The same, for requests alone that have these condition keys: what is asked of them is no doubt.
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

    /// Whether an action may be done on some resource.
    pub fn of(&self, action: &ActionFacts) -> FoundPower {
        weigh::weigh(self, action, None)
    }

    /// Whether an action may be done on a resource of this pattern.
    pub fn on(&self, action: &ActionFacts, resource: &str) -> FoundPower {
        weigh::weigh(self, action, Some(resource))
    }

    /// The `Resource` texts of whatever allows the action; `*` where it names what is left out.
    pub fn resources_of(&self, action: &ActionFacts) -> BTreeSet<String> {
        let name = rule::lower_name(action);
        let taking = self.allows.iter().filter(|it| it.takes(&name));
        taking.flat_map(PowerRule::patterns).collect()
    }

    /// Every known action that may be done, by service and name.
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

    /// Actions that are allowed and that are no known action: misspelled, or newer than the facts.
    pub fn unknown_actions(&self) -> BTreeSet<String> {
        let all = self.allows.iter().flat_map(PowerRule::unknown_actions);
        all.collect()
    }

    /// What another may do, and this not everywhere; the first that is found, `None` where there is none.
    pub fn lacks(&self, other: &Self) -> Option<&'static ActionFacts> {
        let actions = other.allows.iter().flat_map(PowerRule::known_actions);
        actions
            .into_iter()
            .find(|it| !self.of(it).everywhere && other.of(it).power != Power::Never)
    }
}
