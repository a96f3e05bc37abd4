//! Misleading combinations of conditions and effects (codes 31, 32, 34, 37, 63, 66, 67).

use super::super::checker::{Checker, StatementFacts};
use super::super::codes::LintCode;
use super::super::resources::listed;
use crate::language::{Condition, Quantifier, Test, Text};

/// Keys that identify calls by services or endpoints.
const FORWARDED: [&str; 9] = [
    "aws:viaawsservice",
    "aws:calledvia",
    "aws:calledviafirst",
    "aws:calledvialast",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:vpcsourceip",
    "aws:vpceorgid",
    "aws:vpceaccount",
];

pub(super) fn check(checker: &mut Checker<'_>) {
    checker.each(|checker, part| {
        anded(checker, part);
        for condition in part.conditions() {
            contradiction(checker, part, condition);
            vacuous(checker, part, condition);
            mfa(checker, part, condition);
            source_ip(checker, part, condition);
            session_name(checker, condition);
            tag_keys(checker, part, condition);
        }
    });
    tag_case(checker);
}

fn is(condition: &Condition<'_>, key: &str) -> bool {
    condition.key.text.eq_ignore_ascii_case(key)
}

fn says(condition: &Condition<'_>, word: &str) -> bool {
    let mut values = condition.values.iter();
    !condition.values.is_empty() && values.all(|it| it.text.eq_ignore_ascii_case(word))
}

fn anded(checker: &mut Checker<'_>, part: &StatementFacts<'_>) {
    if part.is_allow() {
        return;
    }
    let mut rest = part.conditions();
    while let Some(first) = rest.first() {
        let same = |it: &&Condition<'_>| it.operator_text.span == first.operator_text.span;
        let together: Vec<&Condition<'_>> = rest.iter().take_while(same).collect();
        let test = first.operator.test;
        if together.len() > 1 && (test.is_negated() || test == Test::Null) {
            let keys: Vec<&str> = together.iter().map(|it| it.key.text.as_ref()).collect();
            let holds = if test == Test::Null { "hold" } else { "differ" };
            let message = format!(
                "this denies only when all of {} {holds}; to deny when any does, write one \
                 statement per key",
                listed(&keys)
            );
            checker.report(LintCode::KeysAndedInDeny, first.operator_text.span, message);
        }
        rest = rest.get(together.len()..).unwrap_or(&[]);
    }
}

/// `Null` `"true"` with a comparison that needs the key.
fn contradiction(checker: &mut Checker<'_>, part: &StatementFacts<'_>, condition: &Condition<'_>) {
    if condition.operator.test != Test::Null || !says(condition, "true") {
        return;
    }
    let needs = |it: &&Condition<'_>| {
        let operator = it.operator;
        let compares = !operator.test.is_negated()
            && !operator.if_exists
            && operator.quantifier != Quantifier::All;
        let present = operator.test == Test::Null && says(it, "false");
        let positive = compares && operator.test != Test::Null;
        let any = operator.quantifier == Quantifier::Any;
        is(it, &condition.key.text) && (present || positive || any)
    };
    if let Some(other) = part.conditions().iter().find(needs) {
        let message = format!(
            "{} has to be absent here and to suit {}: the statement never applies",
            condition.key.text,
            other.operator.name()
        );
        checker.report(LintCode::NullContradiction, condition.key.span, message);
    }
}

fn vacuous(checker: &mut Checker<'_>, part: &StatementFacts<'_>, condition: &Condition<'_>) {
    if !part.is_allow() || condition.operator.quantifier != Quantifier::All {
        return;
    }
    let key = condition.key.text.as_ref();
    let guarded = part.conditions().iter().any(|it| {
        let present = it.operator.test == Test::Null && says(it, "false");
        is(it, key) && (present || it.operator.quantifier == Quantifier::Any)
    });
    if !guarded {
        let message = format!(
            "ForAllValues holds when {key} is absent; add \"Null\": {{\"{key}\": \"false\"}}"
        );
        checker.report(
            LintCode::ForallAllowVacuous,
            condition.operator_text.span,
            message,
        );
    }
}

fn mfa(checker: &mut Checker<'_>, part: &StatementFacts<'_>, condition: &Condition<'_>) {
    let operator = condition.operator;
    let is_present_key = is(condition, "aws:MultiFactorAuthPresent");
    if !is_present_key && !is(condition, "aws:MultiFactorAuthAge") {
        return;
    }
    let needs_key = part.conditions().iter().any(|it| {
        is(it, &condition.key.text) && it.operator.test == Test::Null && says(it, "false")
    });
    // FORALL_ALLOW_VACUOUS reports an Allow; a Deny by ForAllValues holds without the key
    if needs_key || operator.quantifier == Quantifier::All {
        return;
    }
    let compares = match operator.test {
        Test::Bool | Test::StringEquals | Test::StringEqualsIgnoreCase | Test::StringLike => {
            is_present_key
        }
        test => !is_present_key && test.is_numeric() && !test.is_negated(),
    };
    let denies_old = matches!(
        operator.test,
        Test::NumericGreaterThan | Test::NumericGreaterThanEquals
    );
    let without_mfa = if is_present_key {
        says(condition, "false")
    } else {
        denies_old
    };
    let differs = is_present_key && operator.test.is_negated() && without_mfa;
    let (key, name) = (&condition.key.text, operator.test.name());
    let message = match (part.is_allow(), operator.if_exists) {
        (false, false) if compares && without_mfa => {
            format!("long-term keys bring no {key}, so this Deny misses them: write {name}IfExists")
        }
        (true, true) if compares => {
            format!("long-term keys bring no {key}, so this lets them in: write {name}")
        }
        (true, _) if differs => {
            format!("long-term keys bring no {key}, so this lets them in: write Bool \"true\"")
        }
        _ => return,
    };
    checker.report(
        LintCode::MfaBoolAbsent,
        condition.operator_text.span,
        message,
    );
}

fn source_ip(checker: &mut Checker<'_>, part: &StatementFacts<'_>, condition: &Condition<'_>) {
    let by_address = is(condition, "aws:SourceIp") && condition.operator.test == Test::NotIpAddress;
    if part.is_allow() || !by_address {
        return;
    }
    let told_apart = part.conditions().iter().any(|it| {
        let key = it.key.text.to_ascii_lowercase();
        FORWARDED.contains(&key.as_str())
    });
    if !told_apart {
        let message = "this also denies what services do for the caller, and calls through VPC \
                       endpoints: add BoolIfExists aws:ViaAWSService \"false\", or exempt your \
                       endpoints by aws:SourceVpc";
        checker.report(LintCode::SourceIpServiceBreak, condition.key.span, message);
    }
}

/// Case-sensitive comparisons of session names and source identities.
fn session_name(checker: &mut Checker<'_>, condition: &Condition<'_>) {
    let with_case = matches!(
        condition.operator.test,
        Test::StringEquals | Test::StringNotEquals | Test::StringLike | Test::StringNotLike
    );
    let userid = is(condition, "aws:userid");
    if !with_case || !(userid || is(condition, "aws:SourceIdentity")) {
        return;
    }
    for value in &condition.values {
        // role ids are upper case; the name follows the colon
        let name = match value.text.rsplit_once(':') {
            Some((_, name)) if userid => name,
            None if userid && is_entity_id(&value.text) => continue,
            _ => value.text.as_ref(),
        };
        let letters = name.chars().any(char::is_alphabetic) && !name.contains("${");
        let both = condition.values.iter().any(|other| {
            let same = other.text.to_lowercase() == value.text.to_lowercase();
            same && other.text != value.text
        });
        if letters && !both {
            let message = format!(
                "`{name}` is compared with case, and sessions may be named in another: list the \
                 variants, or compare by StringEqualsIgnoreCase"
            );
            checker.report(LintCode::UserIdCase, value.span, message);
        }
    }
}

/// `AIDAEXAMPLE…`, `AROAEXAMPLE…`
fn is_entity_id(text: &str) -> bool {
    let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '*';
    text.starts_with('A') && text.chars().all(upper)
}

/// A case-sensitive Deny on tag keys misses other spellings.
fn tag_keys(checker: &mut Checker<'_>, part: &StatementFacts<'_>, condition: &Condition<'_>) {
    let with_case = matches!(
        condition.operator.test,
        Test::StringEquals | Test::StringLike
    );
    let letters = condition
        .values
        .iter()
        .any(|it| it.text.chars().any(char::is_alphabetic));
    if !part.is_allow() && is(condition, "aws:TagKeys") && with_case && letters {
        let message = "this Deny misses the same tag in another case: compare aws:TagKeys by \
                       ForAnyValue:StringEqualsIgnoreCase";
        checker.report(LintCode::TagCase, condition.operator_text.span, message);
    }
}

/// Tag keys that differ only in case.
fn tag_case(checker: &mut Checker<'_>) {
    let document = checker.document;
    let conditions = || document.statements.iter().flat_map(|it| &it.conditions);
    let mut seen: Vec<(&str, &Text<'_>)> = Vec::new();
    for condition in conditions() {
        let key = condition.key.text.as_ref();
        if let Some((prefix, tag)) = key.split_once('/')
            && prefix.to_ascii_lowercase().ends_with("tag")
        {
            seen.push((tag, &condition.key));
        }
        let exact = condition.operator.test.is_string()
            && !condition.operator.test.name().ends_with("IgnoreCase");
        if is(condition, "aws:TagKeys") && exact {
            // several spellings in one list are intended
            let single = |value: &&Text<'_>| {
                let same = |it: &&Text<'_>| it.text.eq_ignore_ascii_case(&value.text);
                condition.values.iter().filter(same).count() == 1
            };
            let values = condition.values.iter().filter(single);
            seen.extend(values.map(|value| (value.text.as_ref(), value)));
        }
    }
    for (at, (tag, text)) in seen.iter().enumerate() {
        let mut before = seen.iter().take(at);
        let other = before.find(|(it, _)| it.eq_ignore_ascii_case(tag) && it != tag);
        if let Some((other, _)) = other {
            let message = format!(
                "the tag key `{tag}` is `{other}` elsewhere; a resource can carry both, with \
                 different values"
            );
            checker.report(LintCode::TagCase, text.span, message);
        }
    }
}
