//! Published guardrails with their defects, for demonstrations and checker tests (`policies.md`
//! §10.2).

use super::{Attribute, READ};
use crate::generate::{Draft, DraftStatement, Many};
use crate::language::Effect;

/// `g1`, `g2` and `g4`; `g3` was only described.
pub(super) fn policies(attributes: &[Attribute], admins: &[String]) -> Vec<(&'static str, Draft)> {
    let admins = Many::short(admins.iter().map(String::as_str));
    let deny = |sid: &str, actions| DraftStatement::new(sid, Effect::Deny, actions);
    let exempt =
        |it: DraftStatement| Draft::from(it.when("ArnNotLike", "aws:PrincipalArn", admins.clone()));
    let read = attributes
        .iter()
        .fold(deny("G1", Many::list(READ)), |it, attribute| {
            it.when(
                "StringNotEqualsIfExists",
                &attribute.on_secret(),
                attribute.of_principal(),
            )
        });
    let create = deny("G2", Many::one("secretsmanager:CreateSecret"));
    let create = attributes.iter().fold(create, |it, attribute| {
        it.when(
            "StringNotEquals",
            &attribute.in_request(),
            attribute.allowed(),
        )
    });
    let tag = deny("G4", Many::one("secretsmanager:TagResource"));
    let tag = attributes.iter().fold(tag, |it, attribute| {
        let there = format!("aws:ResourceTag/{}", attribute.key());
        it.when("Null", &there, Many::one("false"))
    });
    vec![
        ("g1", exempt(read)),
        ("g2", exempt(create)),
        ("g4", exempt(tag)),
    ]
}
