//! Summarizes one statement, service by service.

use std::collections::BTreeMap;

use super::text::{capital, listed, verbatim};
use super::{conditions, resources, services};
use crate::facts::{self, Access, ActionFacts, actions_matching};
use crate::language::Statement;

const ACTIONS_NAMED_MAX: usize = 6;

pub(super) struct Read {
    pub(super) lines: Vec<(String, Vec<String>)>,
    pub(super) covered: Vec<&'static ActionFacts>,
    pub(super) unknown: Vec<String>,
}

const LEVELS: [(Access, &str); 5] = [
    (Access::List, "lists"),
    (Access::Read, "reads"),
    (Access::Write, "changes"),
    (Access::Tagging, "tags"),
    (Access::Permissions, "decides who may use"),
];

pub(super) fn read(statement: &Statement<'_>) -> Read {
    let mut read = Read {
        lines: Vec::new(),
        covered: Vec::new(),
        unknown: Vec::new(),
    };
    let tail = conditions::tail(statement);
    if statement.actions.not {
        everything_but(statement, &tail, &mut read);
        return read;
    }
    let mut by_service: BTreeMap<&'static str, Vec<&'static ActionFacts>> = BTreeMap::new();
    for item in &statement.actions.items {
        let pattern = item.text.as_ref();
        let found: Vec<&'static ActionFacts> = actions_matching(pattern).collect();
        if found.is_empty() {
            read.unknown.push(verbatim(pattern));
            continue;
        }
        if is_everything(pattern) {
            read.lines.push(everywhere("Everything", statement, &tail));
        } else if pattern
            .split(':')
            .next()
            .is_some_and(super::text::is_pattern)
        {
            read.lines
                .push(any_service(pattern, &found, statement, &tail));
        } else {
            for action in &found {
                by_service.entry(action.service).or_default().push(action);
            }
        }
        read.covered.extend(found);
    }
    for (prefix, mut actions) in by_service {
        actions.sort_by_key(|it| it.name);
        actions.dedup_by_key(|it| it.name);
        read.lines.push(service(prefix, &actions, statement, &tail));
    }
    read
}

fn is_everything(pattern: &str) -> bool {
    pattern.chars().all(|c| matches!(c, '*' | ':')) && pattern.contains('*')
}

fn everywhere(what: &str, statement: &Statement<'_>, tail: &str) -> (String, Vec<String>) {
    let on = match statement.resources.as_ref() {
        list if resources::is_everything(list) => " in every service".to_owned(),
        Some(list) => {
            let items = list.items.iter().map(|it| verbatim(&it.text));
            let items = listed(&items.collect::<Vec<_>>(), "and");
            let but = if list.not { "everything except " } else { "" };
            format!(" on {but}{items}")
        }
        None => String::new(),
    };
    (format!("{what}{on}{tail}"), Vec::new())
}

fn everything_but(statement: &Statement<'_>, tail: &str, read: &mut Read) {
    let mut left_out: Vec<String> = Vec::new();
    let mut out = std::collections::HashSet::new();
    for item in &statement.actions.items {
        let pattern = item.text.as_ref();
        let found: Vec<&'static ActionFacts> = actions_matching(pattern).collect();
        if found.is_empty() {
            read.unknown.push(verbatim(pattern));
        }
        let whole = pattern
            .split_once(':')
            .filter(|(prefix, name)| *name == "*" && !super::text::is_pattern(prefix));
        left_out.push(match whole {
            Some((prefix, _)) => services::name(&prefix.to_ascii_lowercase()),
            None => verbatim(pattern),
        });
        out.extend(found.iter().map(|it| (it.service, it.name)));
    }
    read.covered
        .extend(actions_matching("*").filter(|it| !out.contains(&(it.service, it.name))));
    let what = format!("Everything except {}", listed(&left_out, "and"));
    let on = match statement.resources.as_ref() {
        list if resources::is_everything(list) => (what + tail, Vec::new()),
        _ => everywhere(&what, statement, tail),
    };
    read.lines.push(on);
}

fn any_service(
    pattern: &str,
    found: &[&'static ActionFacts],
    statement: &Statement<'_>,
    tail: &str,
) -> (String, Vec<String>) {
    let verbs: Vec<String> = LEVELS
        .iter()
        .filter(|(level, _)| found.iter().any(|it| it.access == *level))
        .map(|(_, verb)| (*verb).to_owned())
        .collect();
    let verbs = listed_verbs(&verbs);
    let what = format!(
        "{} with whatever is named {}: {} actions",
        capital(&verbs),
        verbatim(pattern),
        found.len()
    );
    everywhere(&what, statement, tail)
}

fn listed_verbs(verbs: &[String]) -> String {
    match verbs {
        [most @ .., last] if !most.is_empty() => format!("{} and {last}", most.join(", ")),
        _ => verbs.join(""),
    }
}

fn service(
    prefix: &'static str,
    actions: &[&'static ActionFacts],
    statement: &Statement<'_>,
    tail: &str,
) -> (String, Vec<String>) {
    let name = services::name(prefix);
    let all = facts::service(prefix).map_or(&[][..], |it| it.actions());
    let on = resources::of(prefix, actions, statement.resources.as_ref());
    if actions.len() == all.len() {
        let what = on.unwrap_or(name);
        return (format!("Full control of {what}{tail}"), Vec::new());
    }
    let count =
        |of: &[&'static ActionFacts], level| of.iter().filter(|it| it.access == level).count();
    let every: Vec<&'static ActionFacts> = facts::service(prefix)
        .map(|it| it.actions().iter().collect())
        .unwrap_or_default();
    let (mut verbs, mut is_whole) = (Vec::new(), true);
    for (level, verb) in LEVELS {
        let here = count(actions, level);
        if here > 0 {
            verbs.push(verb_for(actions, level, verb, on.as_deref()).to_owned());
            is_whole &= here == count(&every, level);
        }
    }
    let what = match on {
        Some(on) => on,
        None if is_whole => format!("everything in {name}"),
        None => format!("things in {name}"),
    };
    let verbs = capital(&listed_verbs(&verbs));
    if actions.len() <= ACTIONS_NAMED_MAX {
        let names = actions.iter().map(|it| it.full_name()).collect();
        return (format!("{verbs} {what}{tail}"), names);
    }
    let how_many = if is_whole {
        String::new()
    } else {
        format!(" ({} of {} actions)", actions.len(), all.len())
    };
    (format!("{verbs} {what}{how_many}{tail}"), Vec::new())
}

/// Objects are written, roles passed and assumed; other resources are changed.
fn verb_for(
    actions: &[&'static ActionFacts],
    level: Access,
    verb: &'static str,
    on: Option<&str>,
) -> &'static str {
    if level != Access::Write {
        return verb;
    }
    let only = match actions {
        [only] => only.name,
        _ => "",
    };
    match actions.first().map_or("", |it| it.service) {
        "s3" if on.is_some_and(|on| on.starts_with("objects")) => "writes",
        "iam" if only == "PassRole" => "passes",
        "sts" if only == "AssumeRole" => "takes",
        "kms" => "uses or changes",
        _ => verb,
    }
}
