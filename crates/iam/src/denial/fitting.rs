//! Which permission sets would allow a call, and how much else.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Denial, DeniedAction, RESERVED_ROLE};
use crate::evaluation::{Decision, Layers, Policy, Request, decide};
use crate::facts::{self, ActionFacts};
use crate::language::PolicyType;
use crate::powers::{FoundPower, NamedPolicy, Power, Powers, RolePolicies};

/// The policy of AWS that allows everything (AWS Managed Policy Reference Guide, "`AdministratorAccess`").
const EVERYTHING: (&str, &str) = (
    "arn:aws:iam::aws:policy/AdministratorAccess",
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
);
/// The key whose value is the ARN of the role.
const ROLE_KEY: &str = "aws:PrincipalArn";
/// What stands for the digits that AWS draws for the role of a permission set.
const ROLE_SUFFIX: &str = "0000000000000000";

/// A permission set that may be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedSet {
    /// Its name.
    pub name: String,
    /// Its policies.
    pub policies: Vec<OfferedPolicy>,
}

/// A policy of a permission set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedPolicy {
    /// Its name, for people.
    pub name: String,
    /// Its ARN, of those that have one.
    pub arn: Option<String>,
    /// Whether it is the permissions boundary.
    pub is_boundary: bool,
    /// The JSON, as far as it was read.
    pub text: Option<String>,
}

/// What one permission set would come to.
#[derive(Debug, Clone)]
pub enum Judgement {
    /// It allows the call.
    Allows(Fit),
    /// It does not.
    Refuses,
    /// That is not known, for this reason.
    Unknown(String),
}

/// How a permission set allows a call.
#[derive(Debug, Clone, Default)]
pub struct Fit {
    /// Condition keys that decide, each with its policy; none where it is allowed in any case.
    pub conditions: BTreeSet<String>,
    /// Whether it allows what was denied on every resource.
    pub is_everywhere: bool,
    /// The known actions that it allows beside, on some resource, by service and name.
    pub others: Vec<&'static ActionFacts>,
}

/// What a permission set would come to for a denied call, in an account: it has to allow each action that was denied. Policies
/// of the organization and of the resource are not looked at.
pub fn judge(set: &OfferedSet, denied: &[DeniedAction], account: &str) -> Judgement {
    let found = match weigh(set, denied, account) {
        Ok(found) => found,
        Err(why) => return Judgement::Unknown(why),
    };
    match (found, by_role(set)) {
        (Judgement::Allows(mut fit), Some(policy)) => {
            fit.conditions.insert(format!("{ROLE_KEY} in `{policy}`"));
            Judgement::Allows(fit)
        }
        (Judgement::Refuses, Some(policy)) => Judgement::Unknown(format!(
            "its policy `{policy}` compares {ROLE_KEY}, which is drawn when the role is made"
        )),
        (found, _) => found,
    }
}

/// The policy, if there is one, that asks for the ARN of the role: no more than its beginning is known ahead.
fn by_role(set: &OfferedSet) -> Option<&str> {
    let asks = |text: &String| text.to_ascii_lowercase().contains("aws:principalarn");
    let mut policies = set.policies.iter();
    let found = policies.find(|it| it.text.as_ref().is_some_and(asks));
    found.map(|it| it.name.as_str())
}

/// The sets that allow the call: the one with the fewest other actions first; of those with as many, those that allow it in any
/// case before those where conditions decide, then those that do not on every resource, then by name. What a set would give
/// beside comes before whether a condition may be in its way: one that allows everything always allows the call.
pub fn smallest_first(judged: Vec<(String, Judgement)>) -> Vec<(String, Fit)> {
    let mut found: Vec<(String, Fit)> = judged
        .into_iter()
        .filter_map(|(name, judgement)| match judgement {
            Judgement::Allows(fit) => Some((name, fit)),
            Judgement::Refuses | Judgement::Unknown(_) => None,
        })
        .collect();
    found.sort_by(|(one, a), (other, b)| {
        let rank = |fit: &Fit| {
            let is_conditional = !fit.conditions.is_empty();
            (fit.others.len(), is_conditional, fit.is_everywhere)
        };
        rank(a).cmp(&rank(b)).then_with(|| one.cmp(other))
    });
    found
}

fn weigh(set: &OfferedSet, denied: &[DeniedAction], account: &str) -> Result<Judgement, String> {
    let role = role(set, denied, account)?;
    let mut fit = Fit {
        conditions: BTreeSet::new(),
        is_everywhere: false,
        others: Vec::new(),
    };
    for it in denied {
        let Some(found) = weigh_one(&role, it)? else {
            return Ok(Judgement::Refuses);
        };
        fit.conditions.extend(found.doubts);
        fit.is_everywhere |= found.everywhere;
    }
    let asked = denied.iter();
    let asked = asked.filter_map(|it| facts::action(&it.denial.action));
    let asked: BTreeSet<_> = asked.map(|it| (it.service, it.name)).collect();
    let all = Powers::read(&role).map_err(|error| error.to_string())?;
    let all = all.all().into_iter().map(|(action, _)| action);
    fit.others = all
        .filter(|it| !asked.contains(&(it.service, it.name)))
        .collect();
    Ok(Judgement::Allows(fit))
}

/// What the role may do of one action that was denied; none where it may not.
fn weigh_one(role: &RolePolicies, denied: &DeniedAction) -> Result<Option<FoundPower>, String> {
    let denial = &denied.denial;
    let Some(action) = facts::action(&denial.action) else {
        // newer than the facts: what holds for every request of it
        let surely = FoundPower {
            power: Power::Surely,
            everywhere: false,
            doubts: BTreeSet::new(),
        };
        return Ok(is_allowed(role, denied)?.then_some(surely));
    };
    let powers = Powers::read_where(role, &denied.context);
    let powers = powers.map_err(|error| error.to_string())?;
    let found = match denial.resource.as_deref().filter(|it| *it != "*") {
        Some(resource) => powers.on(action, resource),
        None => powers.of(action),
    };
    Ok((found.power != Power::Never).then_some(found))
}

/// The role that the set is in the account.
fn role(set: &OfferedSet, denied: &[DeniedAction], account: &str) -> Result<RolePolicies, String> {
    let principal = denied.first().map(|it| it.denial.principal.as_str());
    let partition = principal.and_then(|it| it.split(':').nth(1));
    let partition = partition.unwrap_or("aws");
    let name = format!("{RESERVED_ROLE}{}_{ROLE_SUFFIX}", set.name);
    let mut found = RolePolicies {
        arn: format!("arn:{partition}:iam::{account}:role/aws-reserved/sso.amazonaws.com/{name}"),
        identity: Vec::new(),
        boundary: None,
    };
    for policy in &set.policies {
        let known = policy.arn.as_deref().filter(|it| *it == EVERYTHING.0);
        let text = policy
            .text
            .as_deref()
            .or_else(|| known.map(|_| EVERYTHING.1));
        let Some(text) = text else {
            return Err(format!(
                "the text of its policy `{}` is not read",
                policy.name
            ));
        };
        let named = NamedPolicy {
            name: policy.name.clone(),
            text: text.to_owned(),
        };
        if policy.is_boundary {
            found.boundary = Some(named);
        } else {
            found.identity.push(named);
        }
    }
    Ok(found)
}

/// The engine's own decision, for a request of which no more is known than what was said of it.
fn is_allowed(role: &RolePolicies, denied: &DeniedAction) -> Result<bool, String> {
    let Denial {
        action, resource, ..
    } = &denied.denial;
    let read = |policy: &NamedPolicy, kind| {
        let read = Policy::parse(&policy.text, kind);
        read.map(Arc::new).map_err(|error| error.to_string())
    };
    let identity = role.identity.iter();
    let identity = identity.map(|it| read(it, PolicyType::Identity));
    let boundary = role.boundary.as_ref();
    let boundary = boundary.map(|it| read(it, PolicyType::Boundary));
    let layers = Layers {
        identity: identity.collect::<Result<_, String>>()?,
        boundary: boundary.transpose()?,
        ..Layers::default()
    };
    let resource = resource.as_deref().unwrap_or("*");
    let request = Request::new(&role.arn, action, resource, denied.context.clone());
    let mut request = request.map_err(|error| error.to_string())?;
    request.derive_keys();
    Ok(decide(&layers, &request) == Decision::Allowed)
}
