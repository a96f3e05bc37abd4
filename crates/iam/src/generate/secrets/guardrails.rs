//! Enforceable guardrails (`policies.md` §10.2). Keys under one negated operator apply only
//! together, so each attribute has a separate statement.

use super::{Attribute, Guardrails, READ, SecretsSpec};
use crate::generate::{Draft, DraftStatement, Many};
use crate::input::BadInput;
use crate::language::{Arn, Effect};

/// Other actions with the secret's tags (AWS: "Actions, resources, and condition keys for AWS
/// Secrets Manager", as of 2026-09). Tagging is separate: setting a missing tag is allowed.
const STRICT: [&str; 15] = [
    "secretsmanager:CancelRotateSecret",
    "secretsmanager:DeleteResourcePolicy",
    "secretsmanager:DeleteSecret",
    "secretsmanager:GetResourcePolicy",
    "secretsmanager:ListSecretVersionIds",
    "secretsmanager:PutResourcePolicy",
    "secretsmanager:PutSecretValue",
    "secretsmanager:RemoveRegionsFromReplication",
    "secretsmanager:ReplicateSecretToRegions",
    "secretsmanager:RestoreSecret",
    "secretsmanager:RotateSecret",
    "secretsmanager:StopReplicationToReplica",
    "secretsmanager:UpdateSecret",
    "secretsmanager:UpdateSecretVersionStage",
    "secretsmanager:ValidateResourcePolicy",
];

/// The policies by name: `g0` if requested, `g1` to `g4`.
pub(super) fn policies(
    wish: &SecretsSpec,
    admins: &[String],
) -> Result<Vec<(&'static str, Draft)>, BadInput> {
    let admins = Many::list(admins.iter().map(String::as_str));
    let attributes = named(&wish.attributes)?;
    let mut policies = Vec::new();
    policies.extend(name_of_admins(wish, &admins).map(|draft| ("g0", draft)));
    let each = |make: &dyn Fn(&str, &Attribute) -> Vec<DraftStatement>| {
        let statements = attributes.iter().flat_map(|(name, it)| make(name, it));
        let statements = statements.map(|it| it.when("ArnNotLike", PRINCIPAL, admins.clone()));
        Draft {
            statements: statements.collect(),
        }
    };
    let strict = wish.guardrails == Guardrails::Strict;
    policies.push(("g1", each(&|name, it| read(name, it, strict))));
    policies.push(("g2", each(&create)));
    let keys = wish.attributes.iter().map(Attribute::key);
    let untag = deny("G3", Many::one("secretsmanager:UntagResource"))
        .when(
            "ForAnyValue:StringEqualsIgnoreCase",
            TAG_KEYS,
            Many::list(keys),
        )
        .when("ArnNotLike", PRINCIPAL, admins.clone());
    policies.push(("g3", untag.into()));
    policies.push(("g4", each(&retag)));
    Ok(policies)
}

const PRINCIPAL: &str = "aws:PrincipalArn";
const TAG_KEYS: &str = "aws:TagKeys";

fn deny(sid: impl Into<String>, actions: Many) -> DraftStatement {
    DraftStatement::new(sid, Effect::Deny, actions)
}

fn named(attributes: &[Attribute]) -> Result<Vec<(String, &Attribute)>, BadInput> {
    let mut named: Vec<(String, &Attribute)> = Vec::new();
    for attribute in attributes {
        let name: String = attribute
            .key()
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect();
        let taken = |name: &str| named.iter().any(|(it, _)| it == name);
        let numbered = (2..=attributes.len() + 1).map(|n| format!("{name}{n}"));
        let free = std::iter::once(name.clone())
            .chain(numbered)
            .find(|it| !it.is_empty() && !taken(it));
        let Some(name) = free else {
            let message = format!("`{}` makes too many names alike", attribute.key());
            return Err(BadInput::new("E_ATTR", message, "--attr"));
        };
        named.push((name, attribute));
    }
    Ok(named)
}

/// G0: reserves the names of the admin roles.
fn name_of_admins(wish: &SecretsSpec, admins: &Many) -> Option<Draft> {
    let list: Vec<&str> = match admins {
        Many::One(one) => vec![one],
        Many::List(list) => list.iter().map(String::as_str).collect(),
    };
    let anywhere = list
        .iter()
        .any(|role| Arn::parse(role).is_some_and(|arn| arn.account.contains(['*', '?'])));
    if wish.provisioning_roles.is_empty() && !anywhere {
        return None;
    }
    let actions = [
        "iam:CreateRole",
        "iam:UpdateAssumeRolePolicy",
        "iam:PutRolePolicy",
        "iam:AttachRolePolicy",
    ];
    let statement = deny("G0", Many::list(actions)).on(Many::list(list));
    Some(if wish.provisioning_roles.is_empty() {
        statement.into()
    } else {
        let roles = Many::list(wish.provisioning_roles.iter().map(String::as_str));
        statement.when("ArnNotLike", PRINCIPAL, roles).into()
    })
}

/// G1: a missing resource or principal tag counts as different. Strict: also G6, no tagging of
/// other owners' secrets.
fn read(name: &str, attribute: &Attribute, strict: bool) -> Vec<DraftStatement> {
    let differs = |it: DraftStatement| {
        it.when(
            "StringNotEquals",
            &attribute.on_secret(),
            attribute.of_principal(),
        )
    };
    let more = if strict { STRICT.as_slice() } else { &[] };
    let actions = Many::list(READ.into_iter().chain(more.iter().copied()));
    let mut statements = vec![differs(deny(format!("G1{name}"), actions))];
    if strict {
        let actions = ["secretsmanager:TagResource", "secretsmanager:UntagResource"];
        let tagging = differs(deny(format!("G6{name}"), Many::list(actions)));
        statements.push(tagging.when("Null", &attribute.on_secret(), Many::one("false")));
    }
    statements
}

/// G2: a new secret has the tag, with one of its values.
fn create(name: &str, attribute: &Attribute) -> Vec<DraftStatement> {
    let create = Many::one("secretsmanager:CreateSecret");
    let statement = deny(format!("G2{name}"), create);
    vec![statement.when(
        "StringNotEquals",
        &attribute.in_request(),
        attribute.allowed(),
    )]
}

/// G4: no overwrite of an existing tag. G5: a new tag has one of the values.
fn retag(name: &str, attribute: &Attribute) -> Vec<DraftStatement> {
    let sets = |sid: String| {
        deny(sid, Many::one("secretsmanager:TagResource")).when(
            "ForAnyValue:StringEqualsIgnoreCase",
            TAG_KEYS,
            Many::list([attribute.key()]),
        )
    };
    let there = format!("aws:ResourceTag/{}", attribute.key());
    vec![
        sets(format!("G4{name}")).when("Null", &there, Many::one("false")),
        sets(format!("G5{name}")).when(
            "StringNotEquals",
            &attribute.in_request(),
            attribute.allowed(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts;

    #[test]
    fn strict_means_every_action_on_a_secret() {
        let service = facts::service("secretsmanager").unwrap();
        let on_secrets = service
            .actions()
            .iter()
            .filter(|it| !it.resource_types.is_empty());
        let tagging = ["secretsmanager:TagResource", "secretsmanager:UntagResource"];
        let elsewhere = ["secretsmanager:CreateSecret"].into_iter().chain(tagging);
        let mut ours: Vec<&str> = READ.into_iter().chain(STRICT).chain(elsewhere).collect();
        ours.sort_unstable();
        let mut known: Vec<String> = on_secrets.map(facts::ActionFacts::full_name).collect();
        known.sort_unstable();
        assert_eq!(
            ours, known,
            "the facts know other actions with the tags of a secret"
        );
    }
}
