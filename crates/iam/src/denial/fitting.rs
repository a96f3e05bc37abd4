//! Which permission sets would allow a call, and how much else.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Denial, RESERVED_ROLE};
use crate::evaluation::{Context, Decision, Layers, Policy, Request, decide};
use crate::facts::{self, ActionFacts};
use crate::language::PolicyType;
use crate::powers::{NamedPolicy, Power, Powers, RolePolicies};

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
#[derive(Debug, Clone)]
pub struct Fit {
    /// Condition keys that decide, each with its policy; none where it is allowed in any case.
    pub conditions: BTreeSet<String>,
    /// The known actions that it allows beside, on some resource, by service and name.
    pub others: Vec<&'static ActionFacts>,
}

/// What a permission set would come to for a denied call, in an account. Policies of the organization and of the resource are
/// not looked at.
pub fn judge(set: &OfferedSet, denial: &Denial, account: &str) -> Judgement {
    let found = match weigh(set, denial, account) {
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

/// The sets that allow the call: those that do in any case before those where conditions decide, then the one with the fewest
/// other actions, then by name.
pub fn smallest_first(judged: Vec<(String, Judgement)>) -> Vec<(String, Fit)> {
    let mut found: Vec<(String, Fit)> = judged
        .into_iter()
        .filter_map(|(name, judgement)| match judgement {
            Judgement::Allows(fit) => Some((name, fit)),
            Judgement::Refuses | Judgement::Unknown(_) => None,
        })
        .collect();
    found.sort_by(|(one, a), (other, b)| {
        let rank = |fit: &Fit| (!fit.conditions.is_empty(), fit.others.len());
        rank(a).cmp(&rank(b)).then_with(|| one.cmp(other))
    });
    found
}

fn weigh(set: &OfferedSet, denial: &Denial, account: &str) -> Result<Judgement, String> {
    let role = role(set, denial, account)?;
    let powers = Powers::read(&role).map_err(|error| error.to_string())?;
    let resource = denial.resource.as_deref().filter(|it| *it != "*");
    let asked = facts::action(&denial.action);
    let conditions = match asked {
        Some(action) => {
            let found = match resource {
                Some(resource) => powers.on(action, resource),
                None => powers.of(action),
            };
            if found.power == Power::Never {
                return Ok(Judgement::Refuses);
            }
            found.doubts
        }
        // newer than the facts: what holds for every request of it
        None if is_allowed(&role, denial)? => BTreeSet::new(),
        None => return Ok(Judgement::Refuses),
    };
    let is_other = |it: &&'static ActionFacts| {
        asked.is_none_or(|asked| (asked.service, asked.name) != (it.service, it.name))
    };
    let all = powers.all().into_iter().map(|(action, _)| action);
    Ok(Judgement::Allows(Fit {
        conditions,
        others: all.filter(is_other).collect(),
    }))
}

/// The role that the set is in the account.
fn role(set: &OfferedSet, denial: &Denial, account: &str) -> Result<RolePolicies, String> {
    let partition = denial.principal.split(':').nth(1).unwrap_or("aws");
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

/// The engine's own decision, for a request of which no more is known than the message says.
fn is_allowed(role: &RolePolicies, denial: &Denial) -> Result<bool, String> {
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
    let resource = denial.resource.as_deref().unwrap_or("*");
    let request = Request::new(&role.arn, &denial.action, resource, Context::new());
    let mut request = request.map_err(|error| error.to_string())?;
    request.derive_keys();
    Ok(decide(&layers, &request) == Decision::Allowed)
}
