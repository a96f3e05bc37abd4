//! Decides with the policy engine whether a statement covers a call, leaving out facts that logs
//! lack.

use std::collections::BTreeSet;
use std::sync::Arc;

use hallpass_iam::facts::{self, ActionFacts};
use hallpass_iam::language::Effect;
use hallpass_iam::{Context, Decision, Layers, LoadError, Policy, PolicyType, Request, decide};

use super::clause::Clause;
use super::seen::SeenCall;

/// Used if the log has no account of twelve digits.
const NO_ACCOUNT: &str = "000000000000";

/// One needed action, on one resource if known.
#[derive(Clone, Debug)]
pub(super) struct Demand {
    pub(super) action: &'static ActionFacts,
    /// `None` if the log lacks it.
    pub(super) resource: Option<String>,
    region: String,
    request: Request,
    /// A resource policy that permits whatever the identity may do.
    beside: Arc<Policy>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cover {
    No,
    /// If the resource is one of its resources.
    Scope,
    /// Except for its open conditions.
    Full,
}

impl Demand {
    /// # Errors
    /// The call cannot become a request.
    pub(super) fn of(
        call: &SeenCall,
        action: &'static ActionFacts,
    ) -> Result<Vec<Self>, LoadError> {
        let mut demands = Vec::new();
        for arn in known_resources(call, action) {
            match Self::on(call, action, Some(arn)) {
                Ok(demand) => demands.push(demand),
                // A non-ARN is an unknown resource.
                Err(_) => return Ok(vec![Self::on(call, action, None)?]),
            }
        }
        if demands.is_empty() {
            demands.push(Self::on(call, action, None)?);
        }
        Ok(demands)
    }

    fn on(
        call: &SeenCall,
        action: &'static ActionFacts,
        resource: Option<&str>,
    ) -> Result<Self, LoadError> {
        let account = call.account_id.as_str();
        let is_account = account.len() == 12 && account.bytes().all(|it| it.is_ascii_digit());
        let account = if is_account { account } else { NO_ACCOUNT };
        let caller = format!("arn:aws:sts::{account}:assumed-role/seen/session");
        let mut context = Context::new();
        if call.region != "global" {
            context = context.with("aws:RequestedRegion", call.region.clone());
        }
        let name = action.full_name();
        let request = Request::new(&caller, &name, resource.unwrap_or("*"), context)?;
        // INVARIANT: it names the account, never the caller, so that only the identity's policies
        // decide.
        let beside = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{account}:root"}},"Action":"*","Resource":"*"}}}}"#
        );
        Ok(Self {
            action,
            resource: resource.map(str::to_owned),
            region: call.region.clone(),
            request,
            beside: Arc::new(Policy::parse(&beside, PolicyType::Resource)?),
        })
    }

    /// Demands with equal keys get equal answers from every policy.
    pub(super) fn key(&self) -> (&str, &str, &str, Option<&str>, &str) {
        (
            self.action.service,
            self.action.name,
            self.region.as_str(),
            self.resource.as_deref(),
            self.request.caller().as_str(),
        )
    }

    pub(super) fn covered_by(&self, clause: &Clause) -> Cover {
        let is_known = self.resource.is_some() && !clause.has_variables();
        if is_known || clause.is_everywhere() {
            if self.is_allowed(&clause.told) {
                Cover::Full
            } else {
                Cover::No
            }
        } else if self.is_allowed(&clause.anywhere) {
            Cover::Scope
        } else {
            Cover::No
        }
    }

    fn is_allowed(&self, policy: &Arc<Policy>) -> bool {
        let layers = Layers {
            identity: vec![Arc::clone(policy)],
            resource: Some(Arc::clone(&self.beside)),
            ..Layers::default()
        };
        decide(&layers, &self.request) == Decision::Allowed
    }
}

/// Returns resources surely checked for the action: those of its single type, if logged.
fn known_resources<'c>(call: &'c SeenCall, action: &ActionFacts) -> Vec<&'c str> {
    // An action with several types may need unlogged ones; S3 checks exactly one.
    let is_single = action.resource_types.len() == 1 || action.service == "s3";
    let named = call.resources.iter().flatten().filter(|_| is_single);
    let of_type = named.filter(|it| facts::resource_type_of(action, it).is_some());
    of_type.map(String::as_str).collect()
}

/// Whether a statement allows all of another's share of a demand, regardless of unlogged facts.
pub(super) fn stands_for(
    (one, by_one): (&Clause, Cover),
    (other, by_other): (&Clause, Cover),
) -> bool {
    let wanted: BTreeSet<_> = other.open.iter().collect();
    let conditions = one.open.iter().all(|it| wanted.contains(it));
    let resources = match (by_one, by_other) {
        (Cover::Full, _) => true,
        (Cover::Scope, Cover::Scope) => one.scope.resources == other.scope.resources,
        _ => false,
    };
    conditions && resources
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayAnswer {
    /// Regardless of unlogged facts.
    Allowed,
    /// Depends on unlogged conditions or resources.
    Open,
    /// Regardless of unlogged facts.
    Denied,
}

impl ReplayAnswer {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Open => "open",
            Self::Denied => "denied",
        }
    }
}

/// Combines statements: an Allow without an effective Deny.
pub(super) fn answer(demand: &Demand, clauses: &[Clause]) -> ReplayAnswer {
    let (mut allowed, mut denied) = (ReplayAnswer::Denied, ReplayAnswer::Denied);
    for clause in clauses {
        let says = match demand.covered_by(clause) {
            Cover::No => continue,
            Cover::Full if clause.open.is_empty() => ReplayAnswer::Allowed,
            Cover::Scope | Cover::Full => ReplayAnswer::Open,
        };
        match clause.effect {
            Effect::Allow => allowed = allowed.min(says),
            Effect::Deny => denied = denied.min(says),
        }
    }
    match (allowed, denied) {
        // A Deny that surely applies.
        (_, ReplayAnswer::Allowed) => ReplayAnswer::Denied,
        (ReplayAnswer::Allowed, ReplayAnswer::Open) => ReplayAnswer::Open,
        (allowed, _) => allowed,
    }
}
