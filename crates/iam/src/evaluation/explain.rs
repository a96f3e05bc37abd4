//! Explains decisions (`policies.md` §4).

use serde::Serialize;
use serde::ser::Serializer;

use super::caller::CallerMatch;
use super::condition::{Condition, Reason};
use super::context::ContextValue;
use super::decide::{Decision, GrantedBy, Layer, Layers, Tally, outcome};
use super::policy::{Policy, Statement};
use super::request::Request;
use crate::language::Effect;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    pub decision: Decision,
    /// Deciding statement; for an implicit denial the first layer without Allow. `None` if no
    /// policy was needed.
    pub decided_by: Option<Decider>,
    pub core: GrantedBy,
    /// Layers without Allow, as `scp@1`, `boundary` …
    pub blocked_by: Vec<String>,
    /// All applicable statements in evaluation order.
    pub statements: Vec<StatementTrace>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decider {
    pub layer: Layer,
    /// Level of service and resource control policies; 0 is the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<usize>,
    /// Name, or index in the layer; `None` if the layer lacks an Allow.
    pub policy: Option<String>,
    pub sid: Option<String>,
    /// From 0.
    pub index: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatementTrace {
    pub layer: Layer,
    pub level: Option<usize>,
    pub policy: String,
    pub index: usize,
    pub sid: Option<String>,
    #[serde(serialize_with = "effect_word")]
    pub effect: Effect,
    pub applies: bool,
    pub action: bool,
    pub resource: bool,
    /// `None` for policies without principals.
    #[serde(serialize_with = "named_word")]
    pub principal: Option<CallerMatch>,
    pub conditions: Vec<ConditionTrace>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConditionTrace {
    pub operator: String,
    pub key: String,
    #[serde(serialize_with = "context_value")]
    pub request_value: Option<ContextValue>,
    pub policy_values: Vec<String>,
    /// Values with variables replaced; `None` if unresolved.
    pub resolved: Vec<Option<String>>,
    pub holds: bool,
    #[serde(serialize_with = "reason_word")]
    pub reason: Reason,
}

// required by serde's `serialize_with`
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn effect_word<S: Serializer>(effect: &Effect, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(effect.as_str())
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn reason_word<S: Serializer>(reason: &Reason, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(reason.as_str())
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    clippy::ref_option,
    reason = "serde's signature"
)]
fn named_word<S: Serializer>(
    named: &Option<CallerMatch>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    named.map(CallerMatch::as_str).serialize(serializer)
}

#[allow(clippy::ref_option, reason = "serde's signature")]
fn context_value<S: Serializer>(
    value: &Option<ContextValue>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        None => serializer.serialize_none(),
        Some(ContextValue::One(text)) => serializer.serialize_str(text),
        Some(ContextValue::List(list)) => list.serialize(serializer),
    }
}

/// Decides and explains. Agrees with [`super::decide`], at a multiple of its cost.
pub fn explain(layers: &Layers, request: &Request) -> Explanation {
    let mut trace = Trace {
        request,
        boundary: layers.boundary_counts(request),
        statements: Vec::new(),
    };
    let mut tally = Tally::default();
    let mut gaps = Vec::new();
    if request.under_scps() {
        for (level, policies) in layers.scps.iter().enumerate() {
            let shared = policies.iter().map(AsRef::as_ref);
            if !trace.layer(Layer::Scp, Some(level), shared) {
                gaps.push(level);
            }
        }
    }
    if request.under_rcps() {
        for (level, policies) in layers.rcps.iter().enumerate() {
            let shared = policies.iter().map(AsRef::as_ref);
            trace.layer(Layer::Rcp, Some(level), shared);
        }
    }
    let resource = layers.resource.as_deref();
    if trace.layer(Layer::Resource, None, resource.into_iter()) {
        tally.resource = trace.strongest_grant();
    }
    if Layers::identity_counts(request) {
        if let Some(boundary) = layers.boundary.as_deref() {
            let allows = trace.layer(Layer::Boundary, None, std::iter::once(boundary));
            tally.boundary = Some(allows);
        }
        if !layers.session.is_empty() {
            let shared = layers.session.iter().map(AsRef::as_ref);
            tally.session = Some(trace.layer(Layer::Session, None, shared));
        }
        let shared = layers.identity.iter().map(AsRef::as_ref);
        let allows = trace.layer(Layer::Identity, None, shared);
        tally.identity = allows && !layers.lacks_session_policy(request);
    }
    conclude(&tally, &gaps, request, trace.statements)
}

struct Trace<'r> {
    request: &'r Request,
    boundary: bool,
    statements: Vec<StatementTrace>,
}

impl Trace<'_> {
    fn layer<'p>(
        &mut self,
        layer: Layer,
        level: Option<usize>,
        policies: impl Iterator<Item = &'p Policy>,
    ) -> bool {
        let mut allows = false;
        for (place, policy) in policies.enumerate() {
            let name = policy
                .name()
                .map_or_else(|| place.to_string(), str::to_owned);
            for (index, statement) in policy.statements().iter().enumerate() {
                let trace = self.statement(layer, level, &name, index, statement);
                allows |= trace.applies && trace.effect == Effect::Allow;
                self.statements.push(trace);
            }
        }
        allows
    }

    fn statement(
        &self,
        layer: Layer,
        level: Option<usize>,
        policy: &str,
        index: usize,
        statement: &Statement,
    ) -> StatementTrace {
        let request = self.request;
        let conditions: Vec<ConditionTrace> = statement
            .conditions
            .iter()
            .map(|condition| trace_condition(condition, request))
            .collect();
        let boundary = layer == Layer::Resource && self.boundary;
        StatementTrace {
            layer,
            level,
            policy: policy.to_owned(),
            index,
            sid: statement.sid.as_deref().map(str::to_owned),
            effect: statement.effect,
            applies: statement.applies(request, boundary).is_some(),
            action: statement.covers_action(request),
            resource: statement.covers_resource(request),
            principal: statement.names(request, boundary),
            conditions,
        }
    }

    fn strongest_grant(&self) -> Option<CallerMatch> {
        self.statements
            .iter()
            .filter(|it| it.layer == Layer::Resource && it.applies && it.effect == Effect::Allow)
            .filter_map(|it| it.principal)
            .max()
    }
}

fn trace_condition(condition: &Condition, request: &Request) -> ConditionTrace {
    let context = &request.context;
    ConditionTrace {
        operator: condition.operator.name(),
        key: condition.key.to_string(),
        request_value: condition.request_value(context).cloned(),
        policy_values: condition.written.iter().map(ToString::to_string).collect(),
        resolved: condition.resolved(context),
        holds: condition.holds(context),
        reason: condition.reason(context),
    }
}

fn conclude(
    tally: &Tally,
    gaps: &[usize],
    request: &Request,
    statements: Vec<StatementTrace>,
) -> Explanation {
    let outcome = outcome(tally, gaps, request);
    let denies = |it: &&StatementTrace| {
        let escapes = it.layer == Layer::Resource && request.escapes_resource_policy();
        it.applies && it.effect == Effect::Deny && !escapes
    };
    let denying = statements
        .iter()
        .find(denies)
        .filter(|_| !request.is_always_allowed())
        .map(Decider::statement);
    let (decision, decided_by) = match (denying, outcome.decision) {
        (Some(decider), _) => (Decision::ExplicitlyDenied, Some(decider)),
        (None, Decision::Allowed) => {
            let granting = match outcome.core {
                GrantedBy::Identity | GrantedBy::Both => Some(Layer::Identity),
                GrantedBy::Resource => Some(Layer::Resource),
                GrantedBy::None => None,
            };
            let allow = statements
                .iter()
                .find(|it| Some(it.layer) == granting && it.applies && it.effect == Effect::Allow);
            (Decision::Allowed, allow.map(Decider::statement))
        }
        (None, decision) => {
            let missing = outcome.missing.first().map(|(layer, level)| Decider {
                layer: *layer,
                level: *level,
                policy: None,
                sid: None,
                index: None,
            });
            (decision, missing)
        }
    };
    let blocked_by = outcome
        .missing
        .iter()
        .map(|(layer, level)| match level {
            Some(level) => format!("{}@{level}", layer.as_str()),
            None => layer.as_str().to_owned(),
        })
        .collect();
    Explanation {
        decision,
        decided_by,
        core: outcome.core,
        blocked_by,
        statements,
    }
}

impl Decider {
    fn statement(trace: &StatementTrace) -> Self {
        Self {
            layer: trace.layer,
            level: trace.level,
            policy: Some(trace.policy.clone()),
            sid: trace.sid.clone(),
            index: Some(trace.index),
        }
    }
}
