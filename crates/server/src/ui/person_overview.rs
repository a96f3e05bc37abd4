//! What the page of a person shows to auditors and administrators: access by every path, groups,
//! requests, decisions, password state, sign-ins and tokens.

use std::collections::BTreeSet;

use hallpass_access::{Directory, ListingConditions, RequestFilter, RequestView};
use hallpass_audit::{Order, Record, RecordQuery};
use hallpass_base::{Timestamp, UserId};

use super::access::{self, PersonAccess};
use super::people::count_of;
use super::presenter::Presenter;
use super::rows::{self, RequestRow};
use super::shell::Viewer;
use super::stale_accounts::{self, PersonRow};
use super::words::plain;
use super::{audit_words, own};
use crate::api::reports::approvals::DECISIONS;
use crate::{App, judged_people, problem::ProblemResponse};

const NEWEST: usize = 10;

pub(super) struct Overview {
    pub(super) access: PersonAccess,
    pub(super) requests: Vec<RequestRow>,
    pub(super) decisions: Vec<DecisionRow>,
    pub(super) judged: Option<PersonRow>,
    /// For example "Signed in at 2 browsers, last used 14:02."
    pub(super) signed_in: String,
    pub(super) tokens: Vec<own::TokenRow>,
}

pub(super) struct DecisionRow {
    pub(super) at: String,
    pub(super) what: String,
    pub(super) about: String,
    pub(super) request: String,
}

pub(super) async fn read(
    app: &App,
    viewer: &Viewer,
    user: &UserId,
) -> Result<Overview, ProblemResponse> {
    let view = Presenter::new(app, viewer);
    let sessions = crate::own::sessions(app, user).await?;
    let tokens = app.tokens.of_user(user, view.now).await;
    let tokens = tokens.map_err(|fault| ProblemResponse::unavailable(&fault))?;
    let judged = judged_people::kept(app).await?.and_then(|kept| kept.report);
    let judged = judged.and_then(|it| it.people.into_iter().find(|it| it.user_id == *user));
    Ok(Overview {
        access: access::of_person(app, viewer, user).await?,
        requests: requests(app, viewer, &view, user).await?,
        decisions: decisions(app, &view, user).await?,
        judged: judged.map(|it| stale_accounts::row(&view, &it, true)),
        signed_in: signed_in(&view, sessions.iter().map(|it| it.seen_at)),
        tokens: tokens.iter().map(|it| own::token_row(&view, it)).collect(),
    })
}

async fn requests(
    app: &App,
    viewer: &Viewer,
    view: &Presenter,
    user: &UserId,
) -> Result<Vec<RequestRow>, ProblemResponse> {
    let filter = RequestFilter {
        only: ListingConditions {
            people: Some(BTreeSet::from([user.clone()])),
            ..ListingConditions::default()
        },
        ..RequestFilter::default()
    };
    let (actor, all) = (&viewer.actor, RequestView::All);
    let found = app.access.requests(actor, all, &filter, NEWEST).await?;
    let mut listed = Vec::new();
    for request in &found.rows {
        listed.push(rows::row(app, viewer, view, request).await);
    }
    Ok(listed)
}

async fn decisions(
    app: &App,
    view: &Presenter,
    user: &UserId,
) -> Result<Vec<DecisionRow>, ProblemResponse> {
    let query = RecordQuery {
        order: Order::NewestFirst,
        events: DECISIONS.map(|event| event.name().to_owned()).to_vec(),
        naming: Some(BTreeSet::from([user.clone()])),
        ..RecordQuery::default()
    };
    // others' decisions about the person are among them
    let most = u32::try_from(NEWEST * 10).unwrap_or(u32::MAX);
    let found = app.audit.records_found(&query, most).await;
    let found = found.map_err(|fault| ProblemResponse::unavailable(&fault))?;
    let directory = app.access.directory();
    let own = found.records.iter();
    let own = own.filter(|it| it.text("actor_user_id") == Some(user.as_str()));
    let own = own.take(NEWEST);
    Ok(own.map(|it| decision(view, &directory, it)).collect())
}

fn decision(view: &Presenter, directory: &Directory, record: &Record) -> DecisionRow {
    DecisionRow {
        at: record.at().map_or_else(String::new, |at| view.words(at)),
        what: audit_words::event(record.event()),
        about: audit_words::about(directory, record),
        request: record
            .text("access_request_id")
            .map(plain)
            .unwrap_or_default(),
    }
}

fn signed_in(view: &Presenter, used: impl Iterator<Item = Timestamp>) -> String {
    let used: Vec<Timestamp> = used.collect();
    match used.iter().max() {
        None => "Not signed in at any browser.".to_owned(),
        Some(last) => format!(
            "Signed in at {}, last used {}.",
            count_of(used.len(), "browser", "browsers"),
            view.words(*last)
        ),
    }
}
