//! A permission set that goes by the tags: secrets of one's own department and no others.
//!
//! The policy in circulation puts nine actions under one condition on the resource's tag. Listing
//! carries no such tag, so it is dead there; tagging carries the old one, so an owner can hand a
//! secret to another department. Here reading, writing and creating stand apart, and tagging is
//! left out unless it is asked for.

use super::map::{AttributeMap, TagLine};
use crate::generate::{CheckedDraft, Draft, DraftStatement, Many, Unprintable, checked};
use crate::input::BadInput;
use crate::language::{Effect, PolicyType};

/// Whether people may change tags of what they own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tagging {
    /// They may not.
    Left,
    /// They may, as long as the tags that decide keep their own values.
    Allowed,
}

const READ: [&str; 3] = [
    "secretsmanager:GetSecretValue",
    "secretsmanager:DescribeSecret",
    "secretsmanager:ListSecretVersionIds",
];

const WRITE: [&str; 6] = [
    "secretsmanager:PutSecretValue",
    "secretsmanager:UpdateSecret",
    "secretsmanager:UpdateSecretVersionStage",
    "secretsmanager:RotateSecret",
    "secretsmanager:DeleteSecret",
    "secretsmanager:RestoreSecret",
];

/// The policy of the permission set.
///
/// # Errors
/// `E_ARG` when no tag of the map is one that resources carry, `E_SIZE` when it does not fit.
pub fn permission_set(map: &AttributeMap, tagging: Tagging) -> Result<CheckedDraft, Unprintable> {
    let deciding: Vec<&TagLine> = map.tags.iter().filter(|tag| tag.on_resources).collect();
    if deciding.is_empty() {
        let message = "no tag of the map is `on_resources`: there is nothing to compare";
        return Err(BadInput::new("E_ARG", message, "/tag").into());
    }
    let compared = |statement: DraftStatement, operator: &str, key: &str| {
        deciding.iter().fold(statement, |statement, tag| {
            let own = Many::one(format!("${{aws:PrincipalTag/{}}}", tag.key));
            statement.when(operator, &format!("{key}/{}", tag.key), own)
        })
    };
    let allow = |sid: &str, actions: Many| DraftStatement::new(sid, Effect::Allow, actions);
    let keys = deciding.iter().map(|tag| tag.key.as_str());
    let keys = Many::list(keys.chain(map.other_tag_keys.iter().map(String::as_str)));
    let limited = |statement: DraftStatement| {
        statement
            .when("ForAllValues:StringEquals", "aws:TagKeys", keys.clone())
            // without a key, `ForAllValues` holds: the guard makes it fail
            .when("Null", "aws:TagKeys", Many::one("false"))
    };
    let (equals, on_it, in_call) = ("StringEquals", "aws:ResourceTag", "aws:RequestTag");
    let create = allow("CreateOwn", Many::one("secretsmanager:CreateSecret"));
    let mut statements = vec![
        allow("List", Many::one("secretsmanager:ListSecrets")),
        compared(allow("ReadOwn", Many::list(READ)), equals, on_it),
        compared(allow("WriteOwn", Many::list(WRITE)), equals, on_it),
        limited(compared(create, equals, in_call)),
    ];
    if tagging == Tagging::Allowed {
        let tag = allow("TagOwn", Many::one("secretsmanager:TagResource"));
        let tag = compared(
            compared(tag, equals, on_it),
            "StringEqualsIfExists",
            in_call,
        );
        statements.push(limited(tag));
    }
    checked(Draft { statements }, PolicyType::Identity)
}
