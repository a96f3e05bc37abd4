//! Rules page: list of rules, and explanation of a decision.

use std::fmt::Write as _;

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    routing::get,
};
use hallpass_base::TimeSpan;
use hallpass_rules::directory::PermissionSet;
use hallpass_rules::{Diagnostic, Directory};
use serde::Deserialize;

use super::forbidden;
use super::people::{CodedPiece, coded, count_of, counted};
use super::presenter;
use super::rules_explain::{ExplainAnswer, TypedCase, answer};
use super::shell::{Nav, PageResult, Shell, Viewer, page, url_encoded};
use super::words::sentence;
use super::words::{clock, plain, zone_name};
use crate::App;

const ROWS: usize = 50;
const SOURCE_LINES: usize = 60;
const OFFERED: usize = 400;
const SETS: usize = 60;
const WARNINGS: usize = 8;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/rules", get(show))
        .route("/rules/explain", get(show))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RulesQuery {
    user: String,
    account: String,
    group: String,
    permission_set: String,
    q: String,
    set: String,
    page: usize,
}

struct RuleRow {
    id: String,
    covers: Vec<CodedPiece>,
    requesters: Vec<CodedPiece>,
    approvers: Vec<CodedPiece>,
    limits: Vec<CodedPiece>,
    sentence: Vec<CodedPiece>,
    line: u32,
    source: Option<String>,
    warnings: Vec<String>,
}

struct Warning {
    code: &'static str,
    words: Vec<CodedPiece>,
}

struct RefusedFile {
    at: String,
    errors: Vec<String>,
}

#[derive(Template)]
#[template(path = "rules.html")]
struct RulesPage {
    shell: Shell,
    sees_all: bool,
    intro: String,
    refused: Option<RefusedFile>,
    case: TypedCase,
    answer: Option<ExplainAnswer>,
    problems: Vec<Vec<CodedPiece>>,
    accounts: Vec<String>,
    sets: Vec<String>,
    people: Vec<(String, String)>,
    warnings: Vec<Warning>,
    more_warnings: usize,
    held: Vec<(String, String, TimeSpan)>,
    held_shown: String,
    set_q: String,
    rows: Vec<RuleRow>,
    q: String,
    shown: String,
    older: Option<String>,
    newer: Option<String>,
    hash: String,
}

async fn show(State(app): State<App>, viewer: Viewer, coming: Query<RulesQuery>) -> PageResult {
    let sees_all = viewer.actor.reads_all();
    let own = viewer.actor.email.to_string();
    let is_own = coming.user.trim().is_empty() || coming.user.trim().eq_ignore_ascii_case(&own);
    if !is_own && !sees_all {
        return Ok(forbidden::page_for(&app, &viewer, "auditors").await);
    }
    let case = TypedCase {
        user: if coming.user.trim().is_empty() {
            own
        } else {
            coming.user.trim().to_owned()
        },
        place: [&coming.account, &coming.group]
            .into_iter()
            .find(|text| !text.trim().is_empty())
            .cloned()
            .unwrap_or_default(),
        set: coming.permission_set.clone(),
    };
    let (answered, problems) = match case.place.trim() {
        "" => (None, Vec::new()),
        _ => match answer(&app, &case) {
            Ok(answer) => (Some(answer), Vec::new()),
            Err(problems) => (None, problems),
        },
    };
    let shell = viewer.shell(&app, Nav::Rules, "Rules").await;
    let mut built = frame(&app, &viewer, shell, case);
    built.answer = answered;
    built.problems = problems.iter().map(|problem| coded(problem)).collect();
    if sees_all {
        held(&app, &coming, &mut built);
        list(&app, &coming, &mut built);
    }
    Ok(page(&built))
}

fn frame(app: &App, viewer: &Viewer, shell: Shell, case: TypedCase) -> RulesPage {
    let (now, directory) = (app.clock.now(), app.access.directory());
    let rules = app.access.rules();
    let status = app.status.rules();
    let at = |at| {
        let zone = zone_name(at, &viewer.zone);
        format!("{} {zone}", clock(at, now, &viewer.zone))
    };
    let total = rules.rules().count();
    let mut intro = count_of(total, "rule", "rules");
    if let Some(file) = &status.file {
        let _ = write!(intro, " from {}", plain(file));
    }
    if let Some(since) = status.since {
        let _ = write!(intro, ", in force since {}", at(since));
    }
    intro.push('.');
    let sees_all = viewer.actor.reads_all();
    let names = |names: Vec<String>| {
        if names.len() > OFFERED {
            Vec::new()
        } else {
            names
        }
    };
    RulesPage {
        sees_all,
        intro,
        refused: status
            .refused
            .filter(|_| sees_all)
            .map(|refused| RefusedFile {
                at: at(refused.at),
                errors: refused.errors.iter().map(|error| plain(error)).collect(),
            }),
        accounts: names(
            directory
                .accounts()
                .iter()
                .map(|account| plain(&account.name))
                .collect(),
        ),
        sets: names(
            directory
                .permission_sets()
                .iter()
                .map(|set| plain(&set.name))
                .collect(),
        ),
        people: people(&directory, sees_all),
        case,
        answer: None,
        problems: Vec::new(),
        warnings: Vec::new(),
        more_warnings: 0,
        held: Vec::new(),
        held_shown: String::new(),
        set_q: String::new(),
        rows: Vec::new(),
        q: String::new(),
        shown: String::new(),
        older: None,
        newer: None,
        hash: rules.hash().get(..10).unwrap_or_default().to_owned(),
        shell,
    }
}

fn people(directory: &Directory, sees_all: bool) -> Vec<(String, String)> {
    if sees_all && directory.people().len() <= OFFERED {
        directory
            .people()
            .iter()
            .filter_map(|person| {
                let email = person.emails.first()?;
                Some((email.to_string(), plain(&person.display_name)))
            })
            .collect()
    } else {
        Vec::new()
    }
}

fn held(app: &App, coming: &RulesQuery, built: &mut RulesPage) {
    let directory = app.access.directory();
    let sets = directory.permission_sets();
    let needle = coming.set.trim().to_lowercase();
    let is_found = |set: &&PermissionSet| set.name.to_lowercase().contains(&needle);
    let found: Vec<&PermissionSet> = sets.iter().filter(is_found).collect();
    let row = |set: &&PermissionSet| {
        let session = TimeSpan::seconds(set.session_duration);
        (plain(&set.name), presenter::set_address(&set.name), session)
    };
    built.held = found.iter().take(SETS).map(row).collect();
    built.held_shown = if found.len() > SETS {
        let all = counted(found.len() as u64);
        format!("{SETS} of {all} permission sets; type more of a name for the others")
    } else {
        count_of(found.len(), "permission set", "permission sets")
    };
    built.set_q.clone_from(&coming.set);
}

fn list(app: &App, coming: &RulesQuery, built: &mut RulesPage) {
    let rules = app.access.rules();
    let status = app.status.rules();
    let (directory, held_by) = (app.access.directory(), app.identity.groups_with_roles());
    let found = app.status.warnings(&rules, &directory, &held_by);
    built.more_warnings = found.len().saturating_sub(WARNINGS);
    built.warnings = found
        .iter()
        .take(WARNINGS)
        .map(|warning| Warning {
            code: warning.code.as_str(),
            words: coded(&sentence(&plain(&warning.message))),
        })
        .collect();
    let all: Vec<_> = rules.rules().collect();
    let starts: Vec<u32> = {
        let mut starts: Vec<u32> = all.iter().map(|rule| rule.position.line).collect();
        starts.sort_unstable();
        starts
    };
    let needle = coming.q.trim().to_lowercase();
    let matching: Vec<_> = all
        .iter()
        .filter(|rule| {
            needle.is_empty()
                || rule.id.as_str().to_lowercase().contains(&needle)
                || rule.sentence.to_lowercase().contains(&needle)
        })
        .collect();
    // a page past the end is empty, with a back link
    let page = coming.page.min(matching.len() / ROWS + 1);
    let skip = page * ROWS;
    let address = |number: usize| {
        let mut address = format!("/rules?page={number}");
        if !needle.is_empty() {
            let _ = write!(address, "&q={}", url_encoded(coming.q.trim()));
        }
        format!("{address}#all")
    };
    built.rows = matching
        .iter()
        .skip(skip)
        .take(ROWS)
        .map(|rule| RuleRow {
            id: plain(rule.id.as_str()),
            covers: coded(&plain(&rule.columns.covers)),
            requesters: coded(&plain(&rule.columns.requesters)),
            approvers: coded(&plain(&rule.columns.approvers)),
            limits: coded(&plain(&rule.columns.limits.join("; "))),
            sentence: coded(&sentence(&plain(&rule.sentence))),
            line: rule.position.line,
            source: status
                .text
                .as_deref()
                .and_then(|text| source(text, rule.position.line, &starts)),
            warnings: of_rule(&found, rule.list, rule.index),
        })
        .collect();
    built.q.clone_from(&coming.q);
    let (from, to) = (skip + 1, (skip + ROWS).min(matching.len()));
    built.shown = if matching.len() > ROWS {
        format!("{from} to {to} of {}", counted(matching.len() as u64))
    } else {
        count_of(matching.len(), "rule", "rules")
    };
    built.older = (to < matching.len()).then(|| address(page + 1));
    built.newer = page.checked_sub(1).map(address);
}

fn of_rule(found: &[Diagnostic], list: &str, index: usize) -> Vec<String> {
    let here = |warning: &&Diagnostic| warning.list == Some(list) && warning.index == Some(index);
    let mut codes: Vec<String> = found
        .iter()
        .filter(here)
        .map(|warning| warning.code.as_str().to_owned())
        .collect();
    codes.dedup();
    codes
}

fn source(text: &str, line: u32, starts: &[u32]) -> Option<String> {
    let next = starts.iter().find(|start| **start > line).copied();
    let first = usize::try_from(line).ok()?.checked_sub(1)?;
    let count = next.map_or(SOURCE_LINES, |next| {
        usize::try_from(next - line).unwrap_or(SOURCE_LINES)
    });
    let mut lines: Vec<&str> = text
        .lines()
        .skip(first)
        .take(count.min(SOURCE_LINES))
        .collect();
    // tables of another kind, such as tests, belong to no rule
    let other = lines
        .iter()
        .skip(1)
        .position(|line| line.starts_with("[[") && !line.starts_with("[[rule."));
    if let Some(other) = other {
        lines.truncate(other + 1);
    }
    // trailing comments and blanks belong to the next rule
    while lines
        .last()
        .is_some_and(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
    {
        lines.pop();
    }
    (!lines.is_empty()).then(|| plain(&lines.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_shown_with_its_own_lines() {
        let text = "[[rule]]\nid = \"a\"\n\n# about b\n[[rule]]\nid = \"b\"\n[[test]]\nx = 1\n";
        assert_eq!(
            source(text, 1, &[1, 5]).as_deref(),
            Some("[[rule]]\nid = \"a\"")
        );
        assert_eq!(
            source(text, 5, &[1, 5]).as_deref(),
            Some("[[rule]]\nid = \"b\"")
        );
        assert_eq!(source(text, 99, &[1, 5]), None);
        assert_eq!(source(text, 0, &[1, 5]), None);
    }
}
