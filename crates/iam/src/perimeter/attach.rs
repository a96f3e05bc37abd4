use std::sync::Arc;

use crate::case::Case;
use crate::error::LoadError;
use crate::evaluation::{Layers, Policy};
use crate::language::PolicyType;

/// `FullAWSAccess`, present at every level unless removed.
const FULL_ACCESS: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"FullAWSAccess",
    "Effect":"Allow","Action":"*","Resource":"*"}]}"#;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardrailSlot {
    /// At the account level.
    Scp,
    /// At the account level.
    Rcp,
    Identity,
    /// Merged with the resource's policy.
    ResourcePolicy,
}

impl GuardrailSlot {
    pub fn kind(self) -> PolicyType {
        match self {
            Self::Scp => PolicyType::Scp,
            Self::Rcp => PolicyType::Rcp,
            Self::Identity => PolicyType::Identity,
            Self::ResourcePolicy => PolicyType::Resource,
        }
    }
}

#[derive(Debug, Clone)]
pub struct AttachedPolicy {
    policy: Arc<Policy>,
    full_access: Arc<Policy>,
    place: GuardrailSlot,
}

impl AttachedPolicy {
    pub fn new(text: &str, name: &str, place: GuardrailSlot) -> Result<Self, LoadError> {
        Ok(Self {
            policy: Arc::new(Policy::parse(text, place.kind())?.named(name)),
            full_access: Arc::new(full_access()?),
            place,
        })
    }

    /// A case without service control policies also gets a level with `FullAWSAccess`, since a
    /// level without Allow denies everything.
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

pub(super) fn full_access() -> Result<Policy, LoadError> {
    Ok(Policy::parse(FULL_ACCESS, PolicyType::Scp)?.named("FullAWSAccess"))
}
