//! Resource types that a call must name (`policies.md` §2.7, §13).
//!
//! A test compares source and §13 for all Identity Center actions.

use super::table::ActionFacts;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Required {
    /// One resource of each.
    pub all: Vec<&'static str>,
    /// One resource of one of these, if any.
    pub one_of: Vec<&'static str>,
}

/// Services with alternative optional types: AWS marks `bucket` and `accesspoint` as optional
/// because a call names either, yet it always names one.
const ALTERNATIVES: &[&str] = &["s3"];

/// Services verified against AWS's pages (`policies.md` §2.7). AWS's reference omits some types of
/// others.
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

/// Whether all resource types of an action are known.
pub(crate) fn has_all_types(action: &ActionFacts) -> bool {
    is_held_against_pages(action.service)
}

/// Whether calls of the lower-case service name one resource per required type.
pub(crate) fn is_held_against_pages(service: &str) -> bool {
    COMPLETE.contains(&service)
}

/// Whether AWS checks a call against every required type. The reference also marks alternatives
/// (`bedrock:InvokeModel`, `elasticloadbalancing:ModifyRule`); service pages confirm these.
pub(crate) fn counts_all_required(action: &ActionFacts) -> bool {
    let mut required = action.resource_types.iter().filter(|it| it.required);
    match action.service {
        "identitystore" | "kms" => true,
        "sso" => required.all(|it| matches!(it.name, "Account" | "Instance" | "PermissionSet")),
        _ => false,
    }
}

/// `None` for an unknown action. Empty lists for actions without resource types or callable without
/// one.
pub fn required_resource_types(full_name: &str) -> Option<Required> {
    let action = super::action(full_name)?;
    let required = action.resource_types.iter().filter(|it| it.required);
    let all: Vec<&str> = required.map(|it| it.name).collect();
    let alternatives = all.is_empty() && ALTERNATIVES.contains(&action.service);
    let one_of = action.resource_types.iter().filter(|_| alternatives);
    let one_of = one_of.map(|it| it.name).collect();
    Some(Required { all, one_of })
}

/// Missing required types, as text: `Instance`, `object or accesspointobject`. Empty for an unknown
/// action.
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
