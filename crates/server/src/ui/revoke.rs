//! Taking one grant away: what it is, a reason, and the press. Who may is decided by the journey;
//! this only leaves out a form that would fail.

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    response::{IntoResponse, Response},
    routing::get,
};
use hallpass_access::{AccessError, Grant, GrantState, PressRefused};
use hallpass_model::{GrantId, Span, Target, TargetNames};
use serde::Deserialize;

use super::people::{self, first_name};
use super::shell::{
    Nav, PageFailure, PageResult, Posted, Shell, Viewer, local_path, page, see_other,
};
use super::words::{clock, countdown, plain, zone_name};
use crate::{App, body::Path, problem::Failure};

/// The longest reason; the same as for requests.
const REASON_MAX: usize = 1_000;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/access/grants/{id}/revoke", get(show).post(press))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Coming {
    back: String,
}

#[derive(Deserialize)]
struct Form {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    back: String,
}

#[derive(Template)]
#[template(path = "revoke.html")]
struct RevokePage {
    shell: Shell,
    id: String,
    first: String,
    target: String,
    /// "2h 11m before its end", or what it is doing instead.
    when: String,
    credentials: Option<String>,
    is_stuck: bool,
    back: String,
    reason: String,
    error: Option<String>,
    /// Why the viewer may not; then there is no form.
    refused: Option<String>,
}

async fn grant_of(app: &App, viewer: &Viewer, id: &str) -> Result<Grant, Failure> {
    let id: GrantId = id.parse().map_err(|_| Failure::not_found("grant"))?;
    Ok(app.access.grant(&viewer.actor, id).await?)
}

async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<String>,
    Query(coming): Query<Coming>,
) -> PageResult {
    let grant = grant_of(&app, &viewer, &id).await?;
    let form = Form {
        reason: String::new(),
        back: coming.back,
    };
    Ok(page(&form_page(&app, &viewer, &grant, form, None).await))
}

async fn form_page(
    app: &App,
    viewer: &Viewer,
    grant: &Grant,
    form: Form,
    error: Option<String>,
) -> RevokePage {
    let (now, directory) = (app.clock.now(), app.access.directory());
    let name = plain(&grant.holder.name);
    let target = people::target(&directory, grant);
    let over = grant.is_over()
        || matches!(&grant.state, GrantState::Ending { .. } if grant.stuck.is_none());
    let refused = if over {
        Some(format!(
            "This access is over or ending already: {}.",
            grant.state.name()
        ))
    } else if app.access.may_revoke(&viewer.actor, grant) {
        None
    } else {
        Some(format!(
            "You are not an approver for {target}. Approvers and administrators can do this."
        ))
    };
    RevokePage {
        shell: viewer
            .shell(app, Nav::Access, format!("Revoke {name}’s access"))
            .await,
        id: grant.id.to_string(),
        first: first_name(&name).to_owned(),
        target,
        when: if grant.stuck.is_some() {
            "AWS refused its removal; this tries again now".to_owned()
        } else {
            format!(
                "{} before its end",
                countdown(Span::between(now, grant.ends_at))
            )
        },
        credentials: credentials_until(app, viewer, grant),
        is_stuck: grant.stuck.is_some(),
        back: back(&form.back),
        reason: form.reason,
        error,
        refused,
    }
}

/// Credentials that were issued outlive the assignment by the session length of their set.
pub(crate) fn credentials_until(app: &App, viewer: &Viewer, grant: &Grant) -> Option<String> {
    let (Target::Account { .. }, TargetNames::Account { permission_set, .. }) =
        (&grant.key.target, &grant.names)
    else {
        return None;
    };
    let directory = app.access.directory();
    let set = directory.permission_set_by_name(permission_set)?;
    let now = app.clock.now();
    let at = Span::seconds(set.session_duration).after(now);
    let zone = zone_name(at, &viewer.zone);
    Some(format!("{} {zone}", clock(at, now, &viewer.zone)))
}

fn back(to: &str) -> String {
    let to = local_path(to);
    if to.starts_with("/access") || to.starts_with("/requests/") {
        to.to_owned()
    } else {
        "/access".to_owned()
    }
}

async fn press(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { viewer, form }: Posted<Form>,
) -> Result<Response, PageFailure> {
    let grant = grant_of(&app, &viewer, &id).await?;
    let length = form.reason.trim().chars().count();
    let error = if length == 0 {
        Some("Say in a few words why.".to_owned())
    } else if length > REASON_MAX {
        Some(format!(
            "At most 1,000 characters; this has {}.",
            people::counted(length as u64)
        ))
    } else {
        None
    };
    if error.is_some() {
        let page_again = form_page(&app, &viewer, &grant, form, error).await;
        return Ok(super::shell::page_with(
            axum::http::StatusCode::UNPROCESSABLE_ENTITY,
            &page_again,
        ));
    }
    match app
        .access
        .revoke(&viewer.actor, grant.id, form.reason.trim(), None)
        .await
    {
        Ok(_) => Ok(see_other(&back(&form.back))),
        Err(AccessError::Refused(refused)) => {
            let words = refusal(&refused);
            let page_again = form_page(&app, &viewer, &grant, form, Some(words)).await;
            let status = Failure::from(refused).for_people().0;
            Ok(super::shell::page_with(status, &page_again).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

fn refusal(refused: &PressRefused) -> String {
    let words = refused.to_string();
    let mut letters = words.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}
