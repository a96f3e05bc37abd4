//! Single conditions (codes 27 to 30, 33, 35, 36).

use super::super::checker::{Checker, StatementFacts};
use super::super::codes::LintCode;
use super::super::patch::PatchOperation;
use super::super::resources::listed;
use super::super::values::is_placeholder;
use super::super::variables::{is_known, names, nearest_key};
use crate::facts::{self, ValueType};
use crate::language::{Condition, PolicyType, Quantifier, Test};

pub(super) fn check(checker: &mut Checker<'_>) {
    checker.each(|checker, part| {
        for condition in part.conditions() {
            known(checker, part, condition);
            operator_type(checker, condition);
            wildcards(checker, condition);
            set(checker, condition);
        }
        if_exists(checker, part);
    });
}

fn known(checker: &mut Checker<'_>, part: &StatementFacts<'_>, condition: &Condition<'_>) {
    let key = condition.key.text.as_ref();
    if key.contains("${") {
        // reported as a misplaced variable
        return;
    }
    let mut actions = part.entries.iter().flat_map(|it| &it.known);
    if !is_known(key) && !actions.any(|it| it.may_carry(key)) {
        let hint = match nearest_key(key) {
            Some(near) => format!("; did you mean {near}?"),
            None => format!(" to the data of {}", facts::version()),
        };
        let message = format!("{key} is no known condition key{hint}");
        checker.report(LintCode::KeyUnknown, condition.key.span, message);
        return;
    }
    if !part.lists_actions() || condition.operator.if_exists {
        return;
    }
    let without: Vec<&str> = part
        .entries
        .iter()
        .filter(|it| !it.known.is_empty() && !it.known.iter().any(|it| it.may_carry(key)))
        .map(|it| it.text.text.as_ref())
        .collect();
    // in a trust policy the keys of one action appear with the others
    let some_carry = without.len() < part.entries.len();
    if without.is_empty() || (checker.kind() == PolicyType::Trust && some_carry) {
        return;
    }
    if let Some(service) = facts::service_of_unattached_key(key)
        && without.iter().all(|it| is_of_service(it, service))
    {
        let message = format!(
            "the reference of {} attaches {key} to no action: whether a request for {} has it is \
             unknown",
            facts::version(),
            listed(&without)
        );
        checker.report(LintCode::KeyNotForAction, condition.key.span, message);
        return;
    }
    let outcome = match (condition.operator.test.is_negated(), part.is_allow()) {
        (true, true) => "the condition always holds",
        (true, false) => "the Deny always applies",
        (false, true) => "this never allows",
        (false, false) => "this never denies",
    };
    let outcome = if condition.operator.test == Test::Null {
        "the answer is always the same"
    } else {
        outcome
    };
    let message = format!(
        "{key} is never in a request for {}: {outcome}",
        listed(&without)
    );
    checker.report(LintCode::KeyNotForAction, condition.key.span, message);
}

fn is_of_service(action: &str, service: &str) -> bool {
    let prefix = action.split(':').next();
    prefix.is_some_and(|it| it.eq_ignore_ascii_case(service))
}

fn operator_type(checker: &mut Checker<'_>, condition: &Condition<'_>) {
    let test = condition.operator.test;
    let Some(known) = facts::condition_key(&condition.key.text) else {
        return;
    };
    let wildcard = condition
        .values
        .iter()
        .any(|value| has_wildcard(&value.text) && !is_placeholder(checker.options, &value.text));
    let exact = test.is_string() && !test.takes_wildcards();
    let (wrong, better) = match known.value {
        ValueType::Arn if exact && wildcard => (true, "ArnLike"),
        ValueType::Arn => (
            test.is_numeric() || test.is_date() || test.is_address() || test == Test::Bool,
            "ArnLike",
        ),
        ValueType::String => (
            test.is_numeric() || test.is_date() || test.is_address(),
            "StringEquals or StringLike",
        ),
        ValueType::Bool => (
            test.is_numeric() || test.is_date() || test.is_address() || test.is_arn(),
            "Bool",
        ),
        ValueType::Numeric => (
            !test.is_numeric() && test != Test::Null,
            "NumericEquals or the like",
        ),
        ValueType::Date => (
            !test.is_date() && !test.is_numeric() && test != Test::Null,
            "DateLessThan or the like",
        ),
        ValueType::IpAddress => (!test.is_address() && test != Test::Null, "IpAddress"),
        ValueType::Binary => (false, ""),
    };
    if wrong {
        let negated = if test.is_negated() {
            " (or its negation)"
        } else {
            ""
        };
        let message = format!(
            "{} holds a value of type {}; compare it by {better}{negated}, not by {}",
            condition.key.text,
            known.value.as_str(),
            test.name()
        );
        checker.report(
            LintCode::OperatorType,
            condition.operator_text.span,
            message,
        );
    }
}

/// Finds `*` or `?`, except `${*}`.
fn has_wildcard(text: &str) -> bool {
    let literal: usize = names(text)
        .map(|name| name.matches(['*', '?']).count())
        .sum();
    text.matches(['*', '?']).count() > literal
}

fn wildcards(checker: &mut Checker<'_>, condition: &Condition<'_>) {
    let test = condition.operator.test;
    if !test.is_string() || test.takes_wildcards() {
        return;
    }
    for value in &condition.values {
        if has_wildcard(&value.text) && !is_placeholder(checker.options, &value.text) {
            let like = if test.is_negated() {
                "StringNotLike"
            } else {
                "StringLike"
            };
            let message = format!(
                "{} compares `{}` literally; for a pattern use {like}",
                test.name(),
                value.text
            );
            checker.report(LintCode::WildcardInEquals, value.span, message);
        }
    }
}

fn set(checker: &mut Checker<'_>, condition: &Condition<'_>) {
    let operator = condition.operator;
    let Some(known) = facts::condition_key(&condition.key.text) else {
        return;
    };
    let key = &condition.key.text;
    if operator.test == Test::Null {
        return;
    }
    if known.multi_valued && operator.quantifier == Quantifier::One {
        let message = format!(
            "{key} holds several values: write ForAnyValue:{name} or ForAllValues:{name}",
            name = operator.test.name()
        );
        checker.report(LintCode::SetNeeded, condition.operator_text.span, message);
    }
    if !known.multi_valued && operator.quantifier != Quantifier::One {
        let vacuous = if operator.quantifier == Quantifier::All {
            "; ForAllValues also holds when the key is absent"
        } else {
            ""
        };
        let message = format!(
            "{key} holds one value: write {}{vacuous}",
            operator.test.name()
        );
        checker.report(LintCode::SetOnSingle, condition.operator_text.span, message);
    }
}

fn if_exists(checker: &mut Checker<'_>, part: &StatementFacts<'_>) {
    let mut seen = Vec::new();
    for condition in part.conditions() {
        let operator = condition.operator;
        let span = condition.operator_text.span;
        let noop = operator.test.is_negated() || operator.quantifier != Quantifier::One;
        if !operator.if_exists || !noop || seen.contains(&span) {
            continue;
        }
        seen.push(span);
        let plain = crate::language::Operator {
            if_exists: false,
            ..operator
        }
        .name();
        let why = match operator.quantifier {
            Quantifier::Any => "it is false without the key all the same",
            Quantifier::All => "it holds without the key anyway",
            Quantifier::One => "a negated operator holds without the key anyway",
        };
        let message = format!("IfExists changes nothing here: {why}; write {plain}");
        let twin = part
            .conditions()
            .iter()
            .any(|it| it.operator_text.text == plain);
        let fix = PatchOperation::rename(checker.pointer(span), &plain);
        checker
            .report(LintCode::IfExistsNoop, span, message)
            .fix((!twin).then(|| vec![fix]));
    }
}
