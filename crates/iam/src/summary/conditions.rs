//! Renders conditions as text.

use super::text::{listed, verbatim};
use crate::language::{Condition, Effect, Quantifier, Statement, Test};

pub(super) fn tail(statement: &Statement<'_>) -> String {
    let (mut short, mut long) = (String::new(), Vec::new());
    for condition in &statement.conditions {
        match place(condition, statement.effect) {
            Some(words) => short.push_str(&words),
            None => long.push(words(condition)),
        }
    }
    if long.is_empty() {
        return short;
    }
    let if_ = match statement.effect {
        Effect::Allow => "only if",
        Effect::Deny => "if",
    };
    format!("{short}, {if_} {}", listed(&long, "and"))
}

fn place(condition: &Condition<'_>, effect: Effect) -> Option<String> {
    let operator = condition.operator;
    if operator.quantifier != Quantifier::One {
        return None;
    }
    let key = condition.key.text.to_ascii_lowercase();
    match (key.as_str(), operator.test) {
        ("aws:requestedregion", Test::StringEquals | Test::StringLike) => {
            Some(format!(" in {}", values(condition)))
        }
        ("aws:requestedregion", Test::StringNotEquals | Test::StringNotLike) => {
            Some(format!(" outside {}", values(condition)))
        }
        ("aws:multifactorauthpresent", Test::Bool) => {
            let value = condition.values.first()?;
            let with = value.text.eq_ignore_ascii_case("true");
            Some(match (with, effect) {
                (true, Effect::Allow) => " with MFA only".to_owned(),
                (true, Effect::Deny) => " with MFA".to_owned(),
                (false, _) => " without MFA".to_owned(),
            })
        }
        _ => None,
    }
}

fn values(condition: &Condition<'_>) -> String {
    let values = condition.values.iter().map(|it| verbatim(&it.text));
    listed(&values.collect::<Vec<_>>(), "or")
}

fn words(condition: &Condition<'_>) -> String {
    let operator = condition.operator;
    let key = key(&condition.key.text);
    if operator.test == Test::Null {
        let absent = condition
            .values
            .first()
            .is_some_and(|it| it.text.eq_ignore_ascii_case("true"));
        let is = if absent {
            "is missing"
        } else {
            "is in the request"
        };
        return format!("{key} {is}");
    }
    let which = match operator.quantifier {
        Quantifier::One => "",
        Quantifier::All => "every ",
        Quantifier::Any => "some ",
    };
    let missing = if operator.if_exists {
        " or is missing"
    } else {
        ""
    };
    format!(
        "{which}{key} {} {}{missing}",
        verb(operator.test),
        values(condition)
    )
}

fn key(key: &str) -> String {
    let words = match key.to_ascii_lowercase().as_str() {
        "aws:sourceip" => "the caller’s address",
        "aws:principalorgid" => "the caller’s organization",
        "aws:principalaccount" => "the caller’s account",
        "aws:resourceorgid" => "the resource’s organization",
        "aws:resourceaccount" => "the resource’s account",
        "aws:sourcevpc" => "the caller’s VPC",
        "aws:sourcevpce" => "the VPC endpoint",
        "aws:currenttime" => "the time",
        "aws:securetransport" => "encryption on the way",
        "aws:requestedregion" => "the Region",
        "aws:multifactorauthpresent" => "MFA",
        "iam:passedtoservice" => "the service the role is passed to",
        _ => return verbatim(key),
    };
    words.to_owned()
}

fn verb(test: Test) -> &'static str {
    match test {
        Test::StringEquals
        | Test::StringEqualsIgnoreCase
        | Test::NumericEquals
        | Test::DateEquals
        | Test::Bool
        | Test::BinaryEquals
        | Test::ArnEquals => "is",
        Test::StringNotEquals
        | Test::StringNotEqualsIgnoreCase
        | Test::NumericNotEquals
        | Test::DateNotEquals
        | Test::ArnNotEquals => "is not",
        Test::StringLike | Test::ArnLike => "is like",
        Test::StringNotLike | Test::ArnNotLike => "is not like",
        Test::NumericLessThan => "is less than",
        Test::NumericLessThanEquals => "is at most",
        Test::NumericGreaterThan => "is more than",
        Test::NumericGreaterThanEquals => "is at least",
        Test::DateLessThan => "is before",
        Test::DateLessThanEquals => "is not after",
        Test::DateGreaterThan => "is after",
        Test::DateGreaterThanEquals => "is not before",
        Test::IpAddress => "is in",
        Test::NotIpAddress => "is not in",
        Test::Null => "is missing:",
    }
}
