//! Redundant statements (code 71).

use super::checker::{Checker, StatementFacts};
use super::codes::LintCode;
use super::risks::covers_resources;
use crate::language::json::ByteSpan;
use crate::language::{Condition, PrincipalKind};
use crate::pattern::{action_covers, action_overlaps};

pub(super) fn check(checker: &mut Checker<'_>) {
    let mut found: Vec<(ByteSpan, String)> = Vec::new();
    for (at, part) in checker.parts.iter().enumerate() {
        if !part.is_allow() {
            continue;
        }
        let others = checker.parts.iter().enumerate();
        let by = others
            .filter(|(other, _)| *other != at)
            .find(|(other, it)| {
                if !it.is_allow() {
                    return it.conditions().is_empty() && covers(it, part);
                }
                // of two equal ones the later is redundant
                let same = covers(part, it) && same_conditions(part, it);
                (it.conditions().is_empty() || same_conditions(it, part))
                    && covers(it, part)
                    && (!same || *other < at)
            });
        if let Some((other, by)) = by {
            let name = match &by.statement.sid {
                Some(sid) => format!("`{}`", sid.text),
                None => format!("number {}", other + 1),
            };
            let why = if by.is_allow() {
                format!("statement {name} allows all of it already")
            } else {
                format!("statement {name} denies all of it")
            };
            found.push((part.statement.span, why));
        }
    }
    for (span, why) in found {
        checker.report(LintCode::StatementShadowed, span, why);
    }
}

fn covers(wide: &StatementFacts<'_>, narrow: &StatementFacts<'_>) -> bool {
    covers_actions(wide, narrow)
        && (covers_resources(wide, narrow) || same_resources(wide, narrow))
        && covers_principals(wide, narrow)
}

fn covers_actions(wide: &StatementFacts<'_>, narrow: &StatementFacts<'_>) -> bool {
    let listed = |part: &StatementFacts<'_>, action: &str| {
        let mut entries = part.entries.iter();
        entries.any(|it| action_covers(&it.text.text, action))
    };
    match (wide.lists_actions(), narrow.lists_actions()) {
        (true, true) => narrow.entries.iter().all(|it| listed(wide, &it.text.text)),
        (true, false) => listed(wide, "*"),
        (false, true) => narrow.entries.iter().all(|it| {
            let mut left_out = wide.entries.iter();
            !left_out.any(|out| action_overlaps(&out.text.text, &it.text.text))
        }),
        // excludes no more
        (false, false) => wide.entries.iter().all(|it| listed(narrow, &it.text.text)),
    }
}

fn same_resources(one: &StatementFacts<'_>, other: &StatementFacts<'_>) -> bool {
    match (&one.statement.resources, &other.statement.resources) {
        (None, None) => true,
        (Some(one), Some(other)) => {
            let texts = |list: &crate::language::List<'_>| {
                let mut texts: Vec<String> =
                    list.items.iter().map(|it| it.text.to_string()).collect();
                texts.sort();
                texts
            };
            one.not == other.not && texts(one) == texts(other)
        }
        _ => false,
    }
}

fn covers_principals(wide: &StatementFacts<'_>, narrow: &StatementFacts<'_>) -> bool {
    match (&wide.statement.principals, &narrow.statement.principals) {
        (None, None) => true,
        (Some(wide), Some(narrow)) if !wide.not && !narrow.not => {
            narrow.entries.iter().all(|one| {
                wide.entries.iter().any(|it| {
                    it.kind == PrincipalKind::Everyone
                        || (it.kind, it.text.text.as_ref()) == (one.kind, one.text.text.as_ref())
                })
            })
        }
        _ => false,
    }
}

fn same_conditions(one: &StatementFacts<'_>, other: &StatementFacts<'_>) -> bool {
    let lines = |part: &StatementFacts<'_>| {
        let line = |it: &Condition<'_>| {
            let mut values: Vec<String> = it.values.iter().map(|it| it.text.to_string()).collect();
            values.sort();
            (it.operator.name(), it.key.text.to_ascii_lowercase(), values)
        };
        let mut lines: Vec<_> = part.conditions().iter().map(line).collect();
        lines.sort();
        lines
    };
    lines(one) == lines(other)
}
