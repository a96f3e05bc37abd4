//! Policy variables: known, in a supported place, with a value (codes 41 to 43).

use super::checker::{Checker, StatementFacts};
use super::codes::LintCode;
use crate::facts;
use crate::language::json::ByteSpan;
use crate::language::{Condition, Text, Version};

/// Keys of every signed request: their variables always have values.
const ALWAYS: [&str; 5] = [
    "aws:principalarn",
    "aws:principalaccount",
    "aws:principaltype",
    "aws:userid",
    "aws:currenttime",
];

/// Contents of `${` and `}` pairs.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split("${")
        .skip(1)
        .filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}

pub(super) fn check(checker: &mut Checker<'_>) {
    let old = checker.document.version == Version::V2008;
    checker.each(|checker, part| {
        for text in never(part) {
            if names(&text.text).next().is_some() {
                place(
                    checker,
                    text.span,
                    "no variables are replaced in actions and principals",
                );
            }
        }
        for item in part.statement.resources.iter().flat_map(|it| &it.items) {
            let before = item.text.split("${").next().unwrap_or("");
            if before.len() == item.text.len() {
                continue;
            }
            if old {
                place(
                    checker,
                    item.span,
                    "version 2008-10-17 replaces no variables",
                );
            } else if before.matches(':').count() < 5 {
                let message = "variables are replaced in the last part of an ARN only";
                place(checker, item.span, message);
            }
            unknown(checker, item);
        }
        for condition in part.conditions() {
            values(checker, condition, old);
        }
    });
}

fn never<'p>(part: &'p StatementFacts<'_>) -> impl Iterator<Item = &'p Text<'p>> {
    let principals = part.statement.principals.iter().flat_map(|it| &it.entries);
    let actions = part.entries.iter().map(|it| it.text);
    let keys = part.conditions().iter().map(|it| &it.key);
    principals.map(|it| &it.text).chain(actions).chain(keys)
}

fn place(checker: &mut Checker<'_>, span: ByteSpan, message: &str) {
    if !checker.has_told(LintCode::Placeholder, span)
        && !checker.has_told(LintCode::VariablePlace, span)
    {
        checker.report(LintCode::VariablePlace, span, message);
    }
}

fn values(checker: &mut Checker<'_>, condition: &Condition<'_>, old: bool) {
    let test = condition.operator.test;
    for value in &condition.values {
        if names(&value.text).next().is_none() {
            continue;
        }
        if !test.takes_variables() {
            let message = format!("{} replaces no variables", test.name());
            place(checker, value.span, &message);
        } else if old {
            place(
                checker,
                value.span,
                "version 2008-10-17 replaces no variables",
            );
        } else if test.is_negated() {
            may_be_absent(checker, condition, value);
        }
        unknown(checker, value);
    }
}

fn unknown(checker: &mut Checker<'_>, text: &Text<'_>) {
    for name in names(&text.text) {
        let key = name.split(',').next().unwrap_or(name).trim();
        let sign = matches!(name, "*" | "?" | "$");
        if sign || is_known(key) || checker.has_told(LintCode::Placeholder, text.span) {
            continue;
        }
        let hint = match nearest_key(key) {
            Some(near) => format!("; did you mean `${{{near}}}`?"),
            None => String::new(),
        };
        let message = format!("`${{{name}}}` is no known key{hint}");
        checker.report(LintCode::VariableUnknown, text.span, message);
    }
}

/// Whether a key is in the data, or belongs to a provider host.
pub(super) fn is_known(key: &str) -> bool {
    let prefix = key.split(':').next().unwrap_or(key);
    facts::condition_key(key).is_some() || (key.contains(':') && prefix.contains('.'))
}

pub(super) fn nearest_key(key: &str) -> Option<&'static str> {
    let name = key.split('/').next().unwrap_or(key).to_ascii_lowercase();
    let service = facts::service(key.split(':').next().unwrap_or(""));
    let own = service
        .into_iter()
        .flat_map(facts::ServiceFacts::condition_keys);
    facts::global_keys()
        .chain(own)
        .map(|known| {
            let head = known.name.split('/').next().unwrap_or(known.name);
            let changes = strsim::osa_distance(&name, &head.to_ascii_lowercase());
            (changes, known.name)
        })
        .filter(|(changes, _)| *changes <= 3)
        .min()
        .map(|(_, known)| known)
}

fn may_be_absent(checker: &mut Checker<'_>, condition: &Condition<'_>, value: &Text<'_>) {
    let open = names(&value.text).find(|name| {
        let sign = matches!(*name, "*" | "?" | "$");
        let default = name.contains(',');
        !sign && !default && !ALWAYS.contains(&name.to_ascii_lowercase().as_str())
    });
    if let Some(name) = open {
        let message = format!(
            "without a value for `${{{name}}}` {} holds; write `${{{name}, 'none'}}` for another \
             outcome",
            condition.operator.name()
        );
        checker.report(LintCode::VariableNullNegated, value.span, message);
    }
}
