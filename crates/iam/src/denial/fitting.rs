//! Finds permission sets that allow a call, and their extra actions.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Denial, DeniedAction, RESERVED_ROLE};
use crate::evaluation::{Decision, Layers, Policy, Request, decide};
use crate::facts::{self, ActionFacts};
use crate::language::PolicyType;
use crate::powers::{FoundPower, NamedPolicy, Power, Powers, RolePolicies};

/// AWS's policy that allows everything (AWS Managed Policy Reference Guide,
/// "`AdministratorAccess`").
const EVERYTHING: (&str, &str) = (
    "arn:aws:iam::aws:policy/AdministratorAccess",
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
);
const ROLE_KEY: &str = "aws:PrincipalArn";
/// Placeholder for the random part of a permission set's role.
const ROLE_SUFFIX: &str = "0000000000000000";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedSet {
    pub name: String,
    pub policies: Vec<OfferedPolicy>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedPolicy {
    pub name: String,
    pub arn: Option<String>,
    pub is_boundary: bool,
    pub text: Option<String>,
}

#[derive(Debug, Clone)]
pub enum Judgement {
    Allows(Fit),
    Refuses,
    Unknown(String),
}

#[derive(Debug, Clone, Default)]
pub struct Fit {
    /// Deciding condition keys with their policy; empty if unconditional.
    pub conditions: BTreeSet<String>,
    /// Whether it allows the denied actions on every resource.
    pub is_everywhere: bool,
    /// Other known actions it allows on some resource, sorted.
    pub others: Vec<&'static ActionFacts>,
}

/// Judges a set for a denied call in an account: it must allow every denied action. Ignores
/// policies of organization and resource.
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

/// A policy that tests the role ARN, of which only the prefix is predictable.
fn by_role(set: &OfferedSet) -> Option<&str> {
    let asks = |text: &String| text.to_ascii_lowercase().contains("aws:principalarn");
    let mut policies = set.policies.iter();
    let found = policies.find(|it| it.text.as_ref().is_some_and(asks));
    found.map(|it| it.name.as_str())
}

/// Sorts allowing sets: fewest other actions, then unconditional, then not on every resource, then
/// name. Least power precedes certainty: otherwise a set that allows everything would win.
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

fn weigh_one(role: &RolePolicies, denied: &DeniedAction) -> Result<Option<FoundPower>, String> {
    let denial = &denied.denial;
    let Some(action) = facts::action(&denial.action) else {
        // unknown action: use only statements that hold for every request
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
