//! Compares decisions before and after a policy replacement.

use std::sync::Arc;

use serde::Serialize;

use crate::error::LoadError;
use crate::evaluation::{Decision, Layers, Policy, Request, decide};
use crate::language::{PolicyJson, PolicyType, ScpLanguage};
use crate::samples;

const EVERYTHING: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DecisionChange {
    pub id: String,
    pub principal: String,
    pub action: String,
    pub resource: String,
    pub context: Vec<(String, Vec<String>)>,
    pub old: Decision,
    pub new: Decision,
}

/// Two policies of one kind; the new one replaces the old one.
#[derive(Debug, Clone)]
pub struct Replacement {
    old: Arc<Policy>,
    new: Arc<Policy>,
    kind: PolicyType,
    made: Vec<Request>,
}

impl Replacement {
    /// # Errors
    /// The rejected policy (`false` old, `true` new), and the reason.
    pub fn new(
        old: &str,
        new: &str,
        kind: PolicyType,
        language: ScpLanguage,
    ) -> Result<Self, (bool, LoadError)> {
        let before = PolicyJson::new(old).map_err(|error| (false, error))?;
        let after = PolicyJson::new(new).map_err(|error| (true, error))?;
        let before = before.strict(kind, language).map_err(|it| (false, it))?;
        let after = after.strict(kind, language).map_err(|it| (true, it))?;
        Ok(Self {
            old: Arc::new(Policy::compile(&before)),
            new: Arc::new(Policy::compile(&after)),
            kind,
            made: samples::requests(&[&before, &after], kind),
        })
    }

    /// Number of generated requests.
    pub fn suggested(&self) -> usize {
        self.made.len()
    }

    pub fn changes(&self) -> Vec<DecisionChange> {
        let mut layers = Layers::default();
        if self.kind != PolicyType::Identity
            && let Ok(everything) = Policy::parse(EVERYTHING, PolicyType::Identity)
        {
            layers.identity.push(Arc::new(everything));
        }
        self.made
            .iter()
            .enumerate()
            .filter_map(|(at, request)| self.change(&(at + 1).to_string(), &layers, request))
            .collect()
    }

    pub fn change(&self, id: &str, layers: &Layers, request: &Request) -> Option<DecisionChange> {
        let old = decide(&self.among(layers, &self.old), request);
        let new = decide(&self.among(layers, &self.new), request);
        (old != new).then(|| DecisionChange {
            id: id.to_owned(),
            principal: request.caller().as_str().to_owned(),
            action: request.action_as_written().to_owned(),
            resource: request.resource().to_owned(),
            context: request
                .context()
                .iter()
                .map(|(key, value)| (key.to_owned(), value.values().to_vec()))
                .collect(),
            old,
            new,
        })
    }

    /// A separate level of service control policies: next to `FullAWSAccess`, unless one of the
    /// versions has an allow and so may replace it.
    fn alone(&self, policy: &Arc<Policy>) -> Vec<Arc<Policy>> {
        let mut level = vec![Arc::clone(policy)];
        if !self.old.allows() && !self.new.allows() {
            level.extend(
                Policy::parse(EVERYTHING, PolicyType::Scp)
                    .ok()
                    .map(Arc::new),
            );
        }
        level
    }

    fn among(&self, layers: &Layers, policy: &Arc<Policy>) -> Layers {
        let mut layers = layers.clone();
        match self.kind {
            PolicyType::Identity => layers.identity.push(Arc::clone(policy)),
            PolicyType::Scp => match layers.scps.last_mut() {
                Some(account) => account.push(Arc::clone(policy)),
                None => layers.scps.push(self.alone(policy)),
            },
            PolicyType::Rcp => layers.rcps.push(vec![Arc::clone(policy)]),
            PolicyType::Boundary => layers.boundary = Some(Arc::clone(policy)),
            PolicyType::Session => layers.session = vec![Arc::clone(policy)],
            PolicyType::Resource | PolicyType::Trust => layers.resource = Some(Arc::clone(policy)),
        }
        layers
    }
}
