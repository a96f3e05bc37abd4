//! Which resource types a call of an action has to name (`policies.md` §2.7, §13).
//!
//! The source and §13 agree on every action of Identity Center; a test holds them together.

use super::table::ActionFacts;

/// Resource types that a call names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Required {
    /// One resource of each.
    pub all: Vec<&'static str>,
    /// One resource of one of these, where there are any.
    pub one_of: Vec<&'static str>,
}

/// Services whose optional types are alternatives: AWS marks `bucket` and `accesspoint` as optional
/// because a call names either, yet it always names one.
const ALTERNATIVES: &[&str] = &["s3"];

/// Services whose resource types are held against AWS's pages (`policies.md` §2.7). Of all others
/// AWS's reference leaves out some.
const COMPLETE: &[&str] = &[
    "iam",
    "identitystore",
    "kms",
    "organizations",
    "s3",
    "secretsmanager",
    "sso",
    "sts",
];

/// Whether an action works on no other types of resources than those that are known.
pub(crate) fn has_all_types(action: &ActionFacts) -> bool {
    is_held_against_pages(action.service)
}

/// Whether calls of the service, in lower case, are known to name one resource of each required type.
pub(crate) fn is_held_against_pages(service: &str) -> bool {
    COMPLETE.contains(&service)
}

/// Whether a call is surely checked against every type that is marked required. AWS's reference
/// marks alternatives as well (`bedrock:InvokeModel`, `elasticloadbalancing:ModifyRule`); of these
/// the pages of the services say that all count.
pub(crate) fn counts_all_required(action: &ActionFacts) -> bool {
    let mut required = action.resource_types.iter().filter(|it| it.required);
    match action.service {
        "identitystore" | "kms" => true,
        "sso" => required.all(|it| matches!(it.name, "Account" | "Instance" | "PermissionSet")),
        _ => false,
    }
}

/// What a call of the action has to name; `None` for an action that is not known. Neither list has
/// anything for actions without resource types and for those that may be called without one.
pub fn required_resource_types(full_name: &str) -> Option<Required> {
    let action = super::action(full_name)?;
    let required = action.resource_types.iter().filter(|it| it.required);
    let all: Vec<&str> = required.map(|it| it.name).collect();
    let alternatives = all.is_empty() && ALTERNATIVES.contains(&action.service);
    let one_of = action.resource_types.iter().filter(|_| alternatives);
    let one_of = one_of.map(|it| it.name).collect();
    Some(Required { all, one_of })
}

/// The required types that none of the resources is of, as words for a message:
/// `Instance`, `object or accesspointobject`. Empty for an unknown action.
pub fn missing_resource_types(full_name: &str, resources: &[&str]) -> Vec<String> {
    let (Some(required), Some(action)) =
        (required_resource_types(full_name), super::action(full_name))
    else {
        return Vec::new();
    };
    let service = super::service(action.service);
    let has = |name: &str| {
        let kind = service.and_then(|it| it.resource_type(name));
        kind.is_some_and(|kind| resources.iter().any(|arn| kind.matches(arn)))
    };
    let all = required.all.iter().filter(|name| !has(name));
    let mut missing: Vec<String> = all.map(|name| (*name).to_owned()).collect();
    if !required.one_of.is_empty() && !required.one_of.iter().any(|name| has(name)) {
        missing.push(required.one_of.join(" or "));
    }
    missing
}
