//! Actions (codes 14 to 19).

use std::collections::HashMap;

use super::checker::{ActionEntry, Checker, Shape, StatementFacts};
use super::codes::{LintCode, Severity};
use super::patch::PatchOperation;
use super::values::{is_account, is_placeholder};
use crate::facts;
use crate::language::PolicyType;
use crate::pattern::action_covers;

pub(super) fn check(checker: &mut Checker<'_>) {
    checker.each(|checker, part| {
        for entry in &part.entries {
            written(checker, entry);
        }
        redundant(checker, part);
        wide(checker, part);
    });
}

fn written(checker: &mut Checker<'_>, entry: &ActionEntry<'_>) {
    let text = &entry.text.text;
    match entry.shape {
        Shape::Everything | Shape::Service if entry.known.is_empty() => {
            if entry.shape == Shape::Service {
                unknown_service(checker, entry);
            }
        }
        Shape::Broken => broken(checker, entry),
        Shape::Plain if entry.known.is_empty() => unknown(checker, entry),
        Shape::Pattern if entry.known.is_empty() => match facts::service(&entry.service()) {
            None => unknown_service(checker, entry),
            Some(service) => {
                let message = format!("`{text}` matches no known action of {}", service.prefix);
                checker.report(LintCode::ActionWildcardEmpty, entry.text.span, message);
            }
        },
        Shape::Everything | Shape::Service | Shape::Plain | Shape::Pattern => {}
    }
}

fn broken(checker: &mut Checker<'_>, entry: &ActionEntry<'_>) {
    let (text, span) = (&entry.text.text, entry.text.span);
    if text.contains("${") || is_placeholder(checker.options, text) {
        // reported by variable and placeholder checks
        return;
    }
    let trimmed: String = text.split_whitespace().collect();
    let (message, fix) = if trimmed != *text && facts::action(&trimmed).is_some() {
        let fix = PatchOperation::replace(checker.pointer(span), trimmed.clone());
        (
            format!("no blanks in an action: write `{trimmed}`"),
            Some(vec![fix]),
        )
    } else if !text.contains(':') {
        let found = facts::services().find_map(|service| service.action(text));
        let message = match found {
            Some(action) => format!(
                "an action is `service:Name`: did you mean `{}`?",
                action.full_name()
            ),
            None => "an action is `service:Name`, such as s3:GetObject".to_owned(),
        };
        (message, None)
    } else if text
        .split(':')
        .next()
        .is_some_and(|it| it.contains(['*', '?']))
    {
        let message = "no wildcards in the service of an action; list each service".to_owned();
        (message, None)
    } else {
        let message = format!("`{text}` is not `service:Name`: letters and digits, `*` and `?`");
        (message, None)
    };
    checker
        .report(LintCode::ActionMalformed, span, message)
        .fix(fix);
}

fn unknown_service(checker: &mut Checker<'_>, entry: &ActionEntry<'_>) {
    let prefix = entry.service();
    let span = entry.text.span;
    match facts::nearest_service(&prefix) {
        Some(nearest) => {
            let message = format!("there is no service `{prefix}`; did you mean `{nearest}`?");
            checker.report(LintCode::ActionUnknown, span, message);
        }
        None => newer(checker, entry, &format!("the service `{prefix}`")),
    }
}

fn unknown(checker: &mut Checker<'_>, entry: &ActionEntry<'_>) {
    let text = &entry.text.text;
    if facts::service(&entry.service()).is_none() {
        // the name may belong to the intended service
        match facts::nearest_action(text) {
            Some(near) => suggest(checker, entry, &near.full_name()),
            None => unknown_service(checker, entry),
        }
        return;
    }
    match facts::nearest_action(text) {
        Some(near) => suggest(checker, entry, &near.full_name()),
        None => newer(checker, entry, &format!("the action `{text}`")),
    }
}

fn suggest(checker: &mut Checker<'_>, entry: &ActionEntry<'_>, near: &str) {
    let text = &entry.text.text;
    let message = format!("there is no action `{text}`; did you mean `{near}`?");
    let prefix = entry.service();
    let meant = near.split(':').next().unwrap_or("");
    // an action of that name elsewhere means no typo: it may be newer than the data
    let alike = prefix == meant || facts::nearest_service(&prefix) == Some(meant);
    checker
        .report(LintCode::ActionUnknown, entry.text.span, message)
        .as_bad_as(Severity::error_if(alike));
}

/// No similar name, so not a typo; perhaps newer than the data.
fn newer(checker: &mut Checker<'_>, entry: &ActionEntry<'_>, what: &str) {
    let message = format!(
        "{what} is not in the data of {}; correct it unless it is newer",
        facts::version()
    );
    checker
        .report(LintCode::ActionUnknown, entry.text.span, message)
        .as_bad_as(Severity::Warning);
}

fn redundant(checker: &mut Checker<'_>, part: &StatementFacts<'_>) {
    let texts: Vec<&str> = part
        .entries
        .iter()
        .map(|it| it.text.text.as_ref())
        .collect();
    for (entry, by) in part.entries.iter().zip(covered_by(&texts)) {
        let Some(by) = by.and_then(|at| texts.get(at)) else {
            continue;
        };
        let message = format!("`{}` is covered by `{by}`", entry.text.text);
        let path = checker.pointer(entry.text.span);
        checker
            .report(LintCode::ActionRedundant, entry.text.span, message)
            .fix(Some(vec![PatchOperation::Remove { path }]));
    }
}

/// Index of the first other pattern that covers each; of two equal ones the later is redundant.
/// Only patterns with the same text before the first wildcard are compared.
fn covered_by(texts: &[&str]) -> Vec<Option<usize>> {
    let lower: Vec<String> = texts.iter().map(|it| it.to_ascii_lowercase()).collect();
    let stems = lower.iter().map(|text| {
        let end = text.find(['*', '?']).unwrap_or(text.len());
        text.get(..end).unwrap_or("")
    });
    let stems: Vec<&str> = stems.collect();
    let mut by_stem: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, stem) in stems.iter().enumerate() {
        by_stem.entry(stem).or_default().push(at);
    }
    let covers = |wide: usize, narrow: usize| match (lower.get(wide), lower.get(narrow)) {
        (Some(wide), Some(narrow)) => action_covers(wide, narrow),
        _ => false,
    };
    let first = |(at, stem): (usize, &&str)| {
        let beginnings = (0..=stem.len()).filter_map(|end| by_stem.get(stem.get(..end)?));
        let others = beginnings.flatten().copied().filter(|other| *other != at);
        others
            .filter(|other| covers(*other, at) && (*other < at || !covers(at, *other)))
            .min()
    };
    stems.iter().enumerate().map(first).collect()
}

fn wide(checker: &mut Checker<'_>, part: &StatementFacts<'_>) {
    if !part.is_allow() || checker.kind() == PolicyType::Rcp {
        return;
    }
    if !part.lists_actions() {
        let message = "Allow with NotAction grants everything else, also actions that AWS adds \
                       later";
        checker.report(
            LintCode::NotActionAllow,
            part.statement.actions.key_span,
            message,
        );
        return;
    }
    if !checker.grants() {
        return;
    }
    for entry in &part.entries {
        if entry.service() == "kms" && for_accounts(part) {
            continue;
        }
        let message = match entry.shape {
            Shape::Everything => "this allows every action of every service".to_owned(),
            Shape::Service => format!("this allows every action of {}", entry.service()),
            Shape::Pattern | Shape::Plain | Shape::Broken => continue,
        };
        checker.report(LintCode::ActionStarAllow, entry.text.span, message);
    }
}

/// Whether the principals are accounts. A key policy that grants one all KMS actions delegates to
/// identity policies, as AWS proposes.
fn for_accounts(part: &StatementFacts<'_>) -> bool {
    part.statement.principals.as_ref().is_some_and(|it| {
        let account = |text: &str| is_account(text) || text.ends_with(":root");
        !it.not && it.entries.iter().all(|entry| account(&entry.text.text))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reference: compares all pairs.
    fn plainly(texts: &[&str]) -> Vec<Option<usize>> {
        let entries = || texts.iter().enumerate();
        let first = |(at, text): (usize, &&str)| {
            let by = entries().find(|(other, it)| {
                let same = action_covers(text, it);
                *other != at && action_covers(it, text) && (!same || *other < at)
            });
            by.map(|(other, _)| other)
        };
        entries().map(first).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_is_covered_is_found_without_comparing_all(
            texts in prop::collection::vec(
                prop_oneof!["[st]:[aAb*?]{0,4}", "[st*]:?[ab*]{0,3}", Just("*".to_owned())], 0..9,
            ),
        ) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            prop_assert_eq!(covered_by(&texts), plainly(&texts), "{:?}", texts);
        }
    }
}
