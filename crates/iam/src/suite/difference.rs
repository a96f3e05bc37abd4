//! What changes when one policy takes the place of another.

use std::sync::Arc;

use serde::Serialize;

use crate::error::LoadError;
use crate::evaluation::{Decision, Layers, Policy, Request, decide};
use crate::language::{PolicyJson, PolicyType, ScpLanguage};
use crate::samples;

/// What everybody may, so that a limit alone decides.
const EVERYTHING: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

/// A request that the new policy decides otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DecisionChange {
    /// The case's id, or the number of the made request.
    pub id: String,
    /// Who asks.
    pub principal: String,
    /// For what.
    pub action: String,
    /// The ARN of the resource that was asked about.
    pub resource: String,
    /// The condition keys, in lower case, with their values.
    pub context: Vec<(String, Vec<String>)>,
    /// The decision with the old policy.
    pub old: Decision,
    /// The decision with the new one.
    pub new: Decision,
}

/// Two policies of one kind, one to take the other's place.
#[derive(Debug, Clone)]
pub struct Replacement {
    old: Arc<Policy>,
    new: Arc<Policy>,
    kind: PolicyType,
    made: Vec<Request>,
}

impl Replacement {
    /// Reads both policies.
    ///
    /// # Errors
    /// Whether the old one (`false`) or the new one (`true`) is refused, and why.
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

    /// How many requests the policies' own texts suggest.
    pub fn suggested(&self) -> usize {
        self.made.len()
    }

    /// The suggested requests that change. Everything else is allowed, so that these two alone
    /// decide.
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

    /// How a request changes, among other policies; `None` when it does not.
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

    /// A level of service control policies of its own: beside `FullAWSAccess`, unless one of the
    /// two versions allows something itself and so may be there in its place.
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

    /// The layers with one more policy at its place.
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
