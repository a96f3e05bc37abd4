//! A policy that is put into cases, as if it had been attached before.

use std::sync::Arc;

use crate::case::Case;
use crate::error::LoadError;
use crate::evaluation::{Layers, Policy};
use crate::language::PolicyType;

/// `FullAWSAccess`, which stands at every level that has not lost it.
const FULL_ACCESS: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"FullAWSAccess",
    "Effect":"Allow","Action":"*","Resource":"*"}]}"#;

/// What a policy is attached as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardrailSlot {
    /// A service control policy at the level of the account.
    Scp,
    /// A resource control policy at the level of the account.
    Rcp,
    /// One more policy of the principal.
    Identity,
    /// The policy of the resource, together with the one it has.
    ResourcePolicy,
}

impl GuardrailSlot {
    /// The kind of policy that stands there.
    pub fn kind(self) -> PolicyType {
        match self {
            Self::Scp => PolicyType::Scp,
            Self::Rcp => PolicyType::Rcp,
            Self::Identity => PolicyType::Identity,
            Self::ResourcePolicy => PolicyType::Resource,
        }
    }
}

/// A policy and where it goes.
#[derive(Debug, Clone)]
pub struct AttachedPolicy {
    policy: Arc<Policy>,
    full_access: Arc<Policy>,
    place: GuardrailSlot,
}

impl AttachedPolicy {
    /// Reads a policy that goes there.
    ///
    /// # Errors
    /// When it is none of that kind.
    pub fn new(text: &str, name: &str, place: GuardrailSlot) -> Result<Self, LoadError> {
        Ok(Self {
            policy: Arc::new(Policy::parse(text, place.kind())?.named(name)),
            full_access: Arc::new(full_access()?),
            place,
        })
    }

    /// Puts the policy into a case. A case without service control policies gets a level with
    /// `FullAWSAccess` beside it, since a level that allows nothing would deny everything.
    pub fn put(&self, case: &mut Case) {
        let layers: &mut Layers = &mut case.layers;
        let policy = Arc::clone(&self.policy);
        match self.place {
            GuardrailSlot::Scp => match layers.scps.last_mut() {
                Some(level) => level.push(policy),
                None => layers
                    .scps
                    .push(vec![Arc::clone(&self.full_access), policy]),
            },
            GuardrailSlot::Rcp => match layers.rcps.last_mut() {
                Some(level) => level.push(policy),
                None => layers.rcps.push(vec![policy]),
            },
            GuardrailSlot::Identity => layers.identity.push(policy),
            GuardrailSlot::ResourcePolicy => {
                layers.resource = Some(match layers.resource.take() {
                    None => policy,
                    Some(own) => Arc::new(policy.joined(&own)),
                });
            }
        }
    }
}

/// `FullAWSAccess`, compiled.
pub(super) fn full_access() -> Result<Policy, LoadError> {
    Ok(Policy::parse(FULL_ACCESS, PolicyType::Scp)?.named("FullAWSAccess"))
}
