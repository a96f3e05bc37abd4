//! A permission set by tags: only secrets of the user's department.
//!
//! The published policy puts nine actions under one condition on the resource's tag. Listing has no
//! such tag, so it never works; tagging has the old one, so an owner can move a secret to another
//! department. Here reading, writing and creating are separate, and tagging is optional.

use super::map::{AttributeMap, TagLine};
use crate::generate::{CheckedDraft, Draft, DraftStatement, Many, Unprintable, checked};
use crate::input::BadInput;
use crate::language::{Effect, PolicyType};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tagging {
    Left,
    /// Allowed if access tags keep the user's values.
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

/// # Errors
/// `E_ARG` if no tag of the map is on resources, `E_SIZE` if too long.
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
            // without keys `ForAllValues` holds: this condition prevents that
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
