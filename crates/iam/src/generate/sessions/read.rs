//! Parses a revocation policy from a file or AWS.

use hallpass_base::Timestamp;

use super::entry::{
    ISSUED, PRE_STAGED, PRINCIPAL, RevocationEntry, Revocations, SESSION, SOURCE, USER_ID,
};
use crate::input::BadInput;
use crate::language::{
    Condition, Effect, List, PolicyJson, PolicyType, Quantifier, ScpLanguage, Statement, Test,
};
use crate::residual::instant;

impl Revocations {
    /// Every statement must have the form of [`Revocations::draft`]; condition order, lists instead
    /// of texts and `Sid`s do not matter.
    ///
    /// # Errors
    /// The codes of [`crate::LoadErrorCode`] for an invalid policy, `E_ELEMENT` with the pointer of
    /// another statement, `E_TIME` for an instant without a zone.
    pub fn parse(text: &str) -> Result<Self, BadInput> {
        let source = PolicyJson::new(text)?;
        let document = source.strict(PolicyType::Scp, ScpLanguage::Full)?;
        let mut revocations = Self::new();
        for statement in &document.statements {
            let entries = entries(statement)
                .map_err(|refused| refused.at(format!("/Statement/{}", statement.index)))?;
            for entry in entries {
                if entry.value() == Some(PRE_STAGED) {
                    revocations.pre_staged = true;
                } else {
                    revocations.add(entry);
                }
            }
        }
        Ok(revocations)
    }
}

fn entries(statement: &Statement<'_>) -> Result<Vec<RevocationEntry>, BadInput> {
    let everything = statement.effect == Effect::Deny
        && is_star(&statement.actions)
        && statement.resources.as_ref().is_some_and(is_star);
    if !everything {
        return Err(foreign());
    }
    match statement.conditions.as_slice() {
        [one] if is(one, Test::StringEquals, USER_ID) => Ok(values(one)
            .map(|value| RevocationEntry::UserId { value })
            .collect()),
        [one] if is(one, Test::StringEqualsIgnoreCase, SOURCE) => Ok(values(one)
            .map(|value| RevocationEntry::Source { value })
            .collect()),
        [one] if is(one, Test::StringLike, SESSION) => values(one).map(|it| name(&it)).collect(),
        [date] if is(date, Test::DateLessThan, ISSUED) => Ok(vec![RevocationEntry::Role {
            value: None,
            issued_before: issued_before(date)?,
        }]),
        [arn, date] | [date, arn] if is_arn(arn) && is(date, Test::DateLessThan, ISSUED) => {
            let issued_before = issued_before(date)?;
            let entry = |value| RevocationEntry::Role {
                value: Some(value),
                issued_before,
            };
            Ok(values(arn).map(entry).collect())
        }
        _ => Err(foreign()),
    }
}

fn foreign() -> BadInput {
    let message = "this statement is no revocation: keep other statements in a separate policy";
    BadInput::new("E_ELEMENT", message, "")
}

fn is_star(list: &List<'_>) -> bool {
    !list.not && !list.items.is_empty() && list.items.iter().all(|item| item.text == "*")
}

fn is(condition: &Condition<'_>, test: Test, key: &str) -> bool {
    let operator = condition.operator;
    operator.test == test
        && operator.quantifier == Quantifier::One
        && !operator.if_exists
        && condition.key.text.eq_ignore_ascii_case(key)
}

fn is_arn(condition: &Condition<'_>) -> bool {
    is(condition, Test::ArnLike, PRINCIPAL) || is(condition, Test::ArnEquals, PRINCIPAL)
}

fn values(condition: &Condition<'_>) -> impl Iterator<Item = String> {
    condition.values.iter().map(|it| it.text.to_string())
}

/// Extracts the name from `*:name`; other patterns select different sessions.
fn name(pattern: &str) -> Result<RevocationEntry, BadInput> {
    let value = pattern.strip_prefix("*:").ok_or_else(foreign)?;
    if value.is_empty() || value.contains(['*', '?', ':']) || value.contains("${") {
        return Err(foreign());
    }
    Ok(RevocationEntry::Name {
        value: value.to_owned(),
    })
}

fn issued_before(condition: &Condition<'_>) -> Result<Timestamp, BadInput> {
    match condition.values.as_slice() {
        [one] => instant(&one.text, ""),
        _ => Err(foreign()),
    }
}
