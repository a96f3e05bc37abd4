use std::collections::BTreeMap;

use askama::Template;
use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};
use hallpass_api::{DenialMessage, DeniedBecause, EndedAccess, FittingSets, LargerSet};
use hallpass_channels::wording::grants;
use serde::Deserialize;

use super::people::count_of;
use super::presenter::{Coded, Presenter};
use super::shell::{Nav, PageResult, Posted, Shell, Viewer, page, page_with, url_encoded};
use super::words::{capital, number, plain, sentence};
use crate::denied::{self, MESSAGE_BYTES_MAX};
use crate::{App, problem::ProblemResponse};

const SERVICES_SHOWN: usize = 8;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/denied", get(empty).post(look))
}

/// The pasted AWS message. Sent in the body, because URLs end up in logs.
#[derive(Debug, Deserialize)]
struct PastedMessage {
    #[serde(default)]
    message: String,
}

#[derive(Template)]
#[template(path = "denied.html")]
struct DeniedPage {
    shell: Shell,
    message: String,
    message_max: usize,
    wrong: Coded,
    help: Coded,
    not_judged: Vec<Unread>,
    found: Option<FoundSets>,
}

struct Unread {
    name: String,
    page: String,
    why: Coded,
}

impl Unread {
    fn of(name: &str, why: &str) -> Self {
        Self {
            name: plain(name),
            page: set_page(name),
            why: Coded(sentence(&capital(&plain(why)))),
        }
    }
}

struct FoundSets {
    action: String,
    resource: String,
    why: String,
    account: String,
    account_id: String,
    set: SetRow,
    says: String,
    ended: String,
    is_again: bool,
    larger: Vec<SetRow>,
}

struct SetRow {
    name: String,
    ask: String,
    page: String,
    beside: String,
    levels: String,
    services: String,
    conditions: String,
}

impl DeniedPage {
    async fn new(app: &App, viewer: &Viewer, message: String) -> Self {
        Self {
            shell: viewer.shell(app, Nav::Ask, "A denied call").await,
            message,
            message_max: MESSAGE_BYTES_MAX,
            wrong: Coded::default(),
            help: Coded::default(),
            not_judged: Vec::new(),
            found: None,
        }
    }
}

async fn empty(State(app): State<App>, viewer: Viewer) -> PageResult {
    Ok(page(&DeniedPage::new(&app, &viewer, String::new()).await))
}

async fn look(State(app): State<App>, posted: Posted<PastedMessage>) -> Response {
    let Posted { viewer, form } = posted;
    let told = DenialMessage {
        message: form.message.clone(),
        ..DenialMessage::default()
    };
    let found = denied::fitting(&app, &viewer.actor, &told).await;
    let mut built = DeniedPage::new(&app, &viewer, form.message).await;
    match found {
        Ok(found) => {
            built.not_judged = { found.not_judged.iter() }
                .map(|it| Unread::of(&it.permission_set, &it.why))
                .collect();
            let view = Presenter::new(&app, &viewer);
            built.found = Some(FoundSets::of(&found, &view));
            page(&built)
        }
        Err(problem) => built.refused(problem),
    }
}

impl DeniedPage {
    fn refused(mut self, problem: ProblemResponse) -> Response {
        let status = problem.status();
        let problem = problem.into_problem();
        let words = |text: &str| Coded(sentence(&capital(&plain(text))));
        self.wrong = words(&problem.detail);
        let help = problem.help.filter(|_| problem.code != "no-denial");
        self.help = help.map(|it| words(&it)).unwrap_or_default();
        self.not_judged = { problem.errors.iter() }
            .map(|it| Unread::of(&it.field, &it.message))
            .collect();
        let status = if status.is_client_error() {
            status
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        page_with(status, &self)
    }
}

impl FoundSets {
    fn of(found: &FittingSets, view: &Presenter) -> Self {
        let denial = &found.denial;
        let account = &found.account.id;
        let services = &found.other_services;
        Self {
            action: plain(&denial.action),
            resource: denial.resource.as_deref().map(plain).unwrap_or_default(),
            why: denial.reason.as_ref().map(because).unwrap_or_default(),
            account: plain(&found.account.name),
            account_id: plain(account),
            set: SetRow {
                beside: beside(found),
                levels: counts(&found.other_levels, usize::MAX),
                services: counts(services, SERVICES_SHOWN),
                ..SetRow::of(
                    account,
                    &found.permission_set,
                    found.other_actions,
                    &found.conditions,
                )
            },
            ended: { found.ended.as_ref() }
                .map(|it| ended(it, found, view))
                .unwrap_or_default(),
            is_again: found.ended_at().is_some(),
            says: found.says.as_deref().map(plain).unwrap_or_default(),
            larger: found
                .alternatives
                .iter()
                .map(|it| larger(account, it))
                .collect(),
        }
    }
}

impl SetRow {
    fn of(account: &str, name: &str, others: usize, conditions: &[String]) -> Self {
        let set = url_encoded(name);
        Self {
            name: plain(name),
            ask: format!(
                "/ask?kind=account&account={}&permission_set={set}",
                url_encoded(account)
            ),
            page: set_page(name),
            beside: allows_beside(others),
            levels: String::new(),
            services: String::new(),
            conditions: plain(&conditions.join(", ")),
        }
    }
}

fn ended(of: &EndedAccess, found: &FittingSets, view: &Presenter) -> String {
    let (set, account) = (plain(&of.permission_set), plain(&found.account.name));
    let at = view.words(of.at);
    if found.ended_at().is_some() {
        grants::ended_so_denied(&set, &account, &at)
    } else {
        grants::ended_besides(&set, &account, &at)
    }
}

fn beside(found: &FittingSets) -> String {
    if found.is_judged() {
        allows_beside(found.other_actions)
    } else {
        String::new()
    }
}

fn allows_beside(others: usize) -> String {
    match others {
        0 => "It allows nothing else.".to_owned(),
        some => format!(
            "It also allows {}.",
            count_of(some, "other action", "other actions")
        ),
    }
}

fn set_page(name: &str) -> String {
    format!("/permission-sets/{}", url_encoded(name))
}

fn larger(account: &str, set: &LargerSet) -> SetRow {
    SetRow::of(
        account,
        &set.permission_set,
        set.other_actions,
        &set.conditions,
    )
}

fn counts(of: &BTreeMap<String, usize>, shown: usize) -> String {
    let mut all: Vec<_> = of.iter().collect();
    all.sort_by_key(|(name, n)| (std::cmp::Reverse(**n), *name));
    let more = all.len().saturating_sub(shown);
    let words: Vec<String> = all
        .iter()
        .take(shown)
        .map(|(name, n)| {
            format!(
                "{} {}",
                plain(name),
                number(u64::try_from(**n).unwrap_or(u64::MAX))
            )
        })
        .collect();
    match more {
        0 => words.join(", "),
        more => format!("{} and {more} more", words.join(", ")),
    }
}

fn because(reason: &DeniedBecause) -> String {
    let policy = match reason.policy.as_str() {
        "identity" => "identity-based policy",
        "boundary" => "permissions boundary",
        "session" => "session policy",
        "resource" => "resource-based policy",
        "service_control" => "service control policy",
        other => return plain(other),
    };
    if reason.is_explicit {
        format!("denied by a statement of the {policy}")
    } else {
        format!("no {policy} allows it")
    }
}
