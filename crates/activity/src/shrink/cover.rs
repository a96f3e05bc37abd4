//! Whether a statement covers a call, as far as a log tells: asked of the policy engine, with what the log does not tell
//! left out.

use std::collections::BTreeSet;
use std::sync::Arc;

use hallpass_iam::facts::{self, ActionFacts};
use hallpass_iam::language::Effect;
use hallpass_iam::{Context, Decision, Layers, LoadError, Policy, PolicyType, Request, decide};

use super::clause::Clause;
use super::seen::SeenCall;

/// A role's session where the log has no account of twelve digits.
const NO_ACCOUNT: &str = "000000000000";

/// What a call needed: one action, on one resource where it is known.
#[derive(Clone, Debug)]
pub(super) struct Demand {
    pub(super) action: &'static ActionFacts,
    /// `None`: the log does not tell it.
    pub(super) resource: Option<String>,
    region: String,
    request: Request,
    /// What its resource's own policy would say: whatever the identity may.
    beside: Arc<Policy>,
}

/// Whether a statement covers a demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cover {
    /// It does not.
    No,
    /// If the resource is one of its resources.
    Scope,
    /// It does, but for its open conditions.
    Full,
}

impl Demand {
    /// What a call needed by this action.
    ///
    /// # Errors
    /// The call cannot be asked as a request.
    pub(super) fn of(
        call: &SeenCall,
        action: &'static ActionFacts,
    ) -> Result<Vec<Self>, LoadError> {
        let mut demands = Vec::new();
        for arn in known_resources(call, action) {
            match Self::on(call, action, Some(arn)) {
                Ok(demand) => demands.push(demand),
                // what is no ARN is a resource that is not known
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
        // INVARIANT: it names the account, never the caller, so that only the identity's policies decide
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

    /// Whether both are answered alike by every policy.
    pub(super) fn key(&self) -> (&str, &str, &str, Option<&str>, &str) {
        (
            self.action.service,
            self.action.name,
            self.region.as_str(),
            self.resource.as_deref(),
            self.request.caller().as_str(),
        )
    }

    /// Whether a statement covers it.
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

/// The resources of a call that an action was asked of for sure: of its one type, where the log names some of it.
fn known_resources<'c>(call: &'c SeenCall, action: &ActionFacts) -> Vec<&'c str> {
    // an action of several types may have needed others that the log does not name; S3 asks for one, whichever it is
    let is_single = action.resource_types.len() == 1 || action.service == "s3";
    let named = call.resources.iter().flatten().filter(|_| is_single);
    let of_type = named.filter(|it| facts::resource_type_of(action, it).is_some());
    of_type.map(String::as_str).collect()
}

/// Whether a statement allows what another allows of a demand, whatever the log does not tell.
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

/// What policies answer, as far as a log tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayAnswer {
    /// Whatever the log does not tell.
    Allowed,
    /// It depends on what the log does not tell: conditions, or the resource.
    Open,
    /// Whatever the log does not tell.
    Denied,
}

impl ReplayAnswer {
    /// Its name in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Open => "open",
            Self::Denied => "denied",
        }
    }
}

/// What statements answer together: an Allow that no Deny takes away.
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
        // a Deny that applies for sure
        (_, ReplayAnswer::Allowed) => ReplayAnswer::Denied,
        (ReplayAnswer::Allowed, ReplayAnswer::Open) => ReplayAnswer::Open,
        (allowed, _) => allowed,
    }
}
