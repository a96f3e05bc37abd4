//! Presses on requests and grants. Each is a form, answered by the way back to a page that shows
//! what is true now; who may press is decided by the core alone.

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use hallpass_access::{AccessError, Grant, PressRefused, Request, RequestState};
use hallpass_model::{GrantId, RequestId, Span};
use serde::Deserialize;

use super::{
    said::{self, Said},
    shell::{Nav, PageResult, Posted, Shell, Viewer, page_with, see_other},
    view::View,
    words::countdown,
};
use crate::{App, body::Path, problem::Failure};

/// A form for words: why not, or why now.
#[derive(Clone, Debug)]
pub(crate) struct WordsForm {
    /// Unique on the page.
    pub(crate) id: String,
    pub(crate) action: String,
    pub(crate) heading: String,
    pub(crate) lead: String,
    pub(crate) label: String,
    pub(crate) is_required: bool,
    pub(crate) value: String,
    pub(crate) error: String,
    /// The way back, which changes nothing.
    pub(crate) cancel: &'static str,
    pub(crate) back: String,
    pub(crate) submit: &'static str,
    /// The page it was opened on.
    pub(crate) from: &'static str,
}

#[derive(Template)]
#[template(path = "press.html")]
struct PressPage {
    shell: Shell,
    form: WordsForm,
}

#[derive(Template)]
#[template(path = "missing.html")]
struct MissingPage {
    shell: Shell,
}

#[derive(Deserialize)]
struct Approve {
    /// What [`seen`] was when the page was made.
    seen: u64,
    #[serde(default)]
    from: String,
}

#[derive(Deserialize)]
struct Press {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    from: String,
}

#[derive(Deserialize)]
struct Opened {
    #[serde(default)]
    from: String,
}

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/requests/{id}/approve", post(approve))
        .route("/requests/{id}/deny", get(deny_page).post(deny))
        .route("/requests/{id}/discard", post(discard))
        .route("/grants/{id}", get(to_request))
        .route("/grants/{id}/release", post(release))
        .route("/grants/{id}/revoke", get(revoke_page).post(revoke))
}

/// What of a request its reviewers decide by, as a number: it grows with every change but the
/// reminders, which change nothing they see.
pub(crate) fn seen(request: &Request) -> u64 {
    request
        .version
        .saturating_sub(u64::from(request.reminders.sent))
}

/// The page for what is not there and for what is not the viewer's to see: the same.
pub(crate) async fn missing(app: &App, viewer: &Viewer) -> PageResult {
    let shell = viewer.shell(app, Nav::Elsewhere, "Not found").await;
    Ok(page_with(StatusCode::NOT_FOUND, &MissingPage { shell }))
}

/// The name of a page in forms; what is unknown is the request's own.
fn known_page(from: &str) -> &'static str {
    match from {
        "reviews" => "reviews",
        "home" => "home",
        _ => "",
    }
}

fn back(from: &str, request: RequestId) -> String {
    match known_page(from) {
        "reviews" => "/reviews".to_owned(),
        "home" => "/".to_owned(),
        _ => format!("/requests/{request}"),
    }
}

/// What came of a press on a request, as the way to a page that shows it.
async fn answered(
    app: &App,
    viewer: &Viewer,
    id: RequestId,
    from: &str,
    said: Said,
    outcome: Result<Request, AccessError>,
) -> PageResult {
    match outcome {
        Ok(_) => Ok(see_other(&said::after(&back(from, id), said, id))),
        Err(AccessError::Refused(_)) => {
            Ok(see_other(&said::after(&back(from, id), Said::Refused, id)))
        }
        Err(AccessError::NotFound(_)) => missing(app, viewer).await,
        Err(error) => Err(error.into()),
    }
}

async fn approve(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { viewer, form }: Posted<Approve>,
) -> PageResult {
    let Ok(id) = id.parse::<RequestId>() else {
        return missing(&app, &viewer).await;
    };
    if let Ok(request) = app.access.request(&viewer.actor, id).await
        && matches!(request.state, RequestState::Pending)
        && seen(&request) != form.seen
    {
        let to = said::after(&back(&form.from, id), Said::Changed, id);
        return Ok(see_other(&to));
    }
    let outcome = app.access.approve(&viewer.actor, id, None).await;
    answered(&app, &viewer, id, &form.from, Said::Approved, outcome).await
}

async fn deny(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { viewer, form }: Posted<Press>,
) -> PageResult {
    let Ok(id) = id.parse::<RequestId>() else {
        return missing(&app, &viewer).await;
    };
    let reason = Some(form.reason.trim()).filter(|words| !words.is_empty());
    let outcome = app.access.deny(&viewer.actor, id, reason, None).await;
    answered(&app, &viewer, id, &form.from, Said::Denied, outcome).await
}

async fn discard(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { viewer, form }: Posted<Press>,
) -> PageResult {
    let Ok(id) = id.parse::<RequestId>() else {
        return missing(&app, &viewer).await;
    };
    let outcome = app.access.discard(&viewer.actor, id, None).await;
    answered(&app, &viewer, id, &form.from, Said::Discarded, outcome).await
}

/// Links in mail name grants; their story is on the request's page.
async fn to_request(State(app): State<App>, Path(id): Path<String>, viewer: Viewer) -> PageResult {
    match grant_of(&app, &viewer, &id).await? {
        Some(grant) => Ok(see_other(&format!("/requests/{}", grant.request))),
        None => missing(&app, &viewer).await,
    }
}

async fn grant_of(app: &App, viewer: &Viewer, id: &str) -> Result<Option<Grant>, Failure> {
    let Ok(id) = id.parse::<GrantId>() else {
        return Ok(None);
    };
    match app.access.grant(&viewer.actor, id).await {
        Ok(grant) => Ok(Some(grant)),
        Err(AccessError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn release(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { viewer, form }: Posted<Press>,
) -> PageResult {
    let Some(grant) = grant_of(&app, &viewer, &id).await? else {
        return missing(&app, &viewer).await;
    };
    let to = back(&form.from, grant.request);
    match app.access.release(&viewer.actor, grant.id, None).await {
        Ok(_) => Ok(see_other(&said::after(&to, Said::GivenBack, grant.id))),
        // over already: the page says how
        Err(AccessError::Refused(PressRefused::GrantOver { .. })) => {
            Ok(see_other(&format!("/requests/{}", grant.request)))
        }
        Err(error) => Err(error.into()),
    }
}

async fn revoke(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { viewer, form }: Posted<Press>,
) -> PageResult {
    let Some(grant) = grant_of(&app, &viewer, &id).await? else {
        return missing(&app, &viewer).await;
    };
    let page = format!("/requests/{}", grant.request);
    let outcome = app
        .access
        .revoke(&viewer.actor, grant.id, &form.reason, None)
        .await;
    match outcome {
        Ok(_) => Ok(see_other(&said::after(&page, Said::Revoked, grant.id))),
        Err(AccessError::Refused(PressRefused::ReasonMissing)) => {
            let mut words = revoke_form(&View::new(&app, &viewer), &grant);
            words.error = "Say in a few words why.".to_owned();
            show(&app, &viewer, words, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(AccessError::Refused(PressRefused::GrantOver { .. })) => Ok(see_other(&page)),
        Err(error) => Err(error.into()),
    }
}

async fn show(app: &App, viewer: &Viewer, form: WordsForm, status: StatusCode) -> PageResult {
    let shell = viewer
        .shell(app, Nav::Elsewhere, form.heading.clone())
        .await;
    Ok(page_with(status, &PressPage { shell, form }))
}

async fn deny_page(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(opened): Query<Opened>,
    viewer: Viewer,
) -> PageResult {
    let found = match id.parse() {
        Ok(id) => app.access.request(&viewer.actor, id).await,
        Err(_) => Err(AccessError::NotFound("request")),
    };
    match found {
        Ok(request) => {
            let view = View::new(&app, &viewer);
            let form = deny_form(&view, &request, known_page(&opened.from));
            show(&app, &viewer, form, StatusCode::OK).await
        }
        Err(AccessError::NotFound(_)) => missing(&app, &viewer).await,
        Err(error) => Err(error.into()),
    }
}

async fn revoke_page(
    State(app): State<App>,
    Path(id): Path<String>,
    viewer: Viewer,
) -> Result<Response, super::shell::PageFailure> {
    match grant_of(&app, &viewer, &id).await? {
        Some(grant) => {
            let form = revoke_form(&View::new(&app, &viewer), &grant);
            show(&app, &viewer, form, StatusCode::OK).await
        }
        None => missing(&app, &viewer).await,
    }
}

/// "Deny Deniz’s request?"
pub(crate) fn deny_form(view: &View, request: &Request, from: &'static str) -> WordsForm {
    let who = View::person(&request.requester.name, &request.requester.email);
    let aim = view.aim_of(request);
    WordsForm {
        id: format!("deny-{}", request.id),
        action: format!("/requests/{}/deny", request.id),
        heading: format!("Deny {} request?", of(&who.first)),
        lead: format!(
            "{} for {}. {} is told at once, with your words.",
            aim.words(),
            request.duration,
            who.first
        ),
        label: format!("What should {} do instead?", who.first),
        is_required: false,
        value: String::new(),
        error: String::new(),
        cancel: "Keep waiting",
        back: back(from, request.id),
        submit: "Deny request",
        from,
    }
}

/// "Revoke Mara’s access now?"
pub(crate) fn revoke_form(view: &View, grant: &Grant) -> WordsForm {
    let who = View::person(&grant.holder.name, &grant.holder.email);
    let aim = view.aim(Some(&grant.key.target), &grant.names);
    let left = Span::between(view.now, grant.ends_at);
    WordsForm {
        id: format!("revoke-{}", grant.id),
        action: format!("/grants/{}/revoke", grant.id),
        heading: format!("Revoke {} access now?", of(&who.first)),
        lead: format!("{}, {} before its end.", aim.words(), countdown(left)),
        label: "Reason".to_owned(),
        is_required: true,
        value: String::new(),
        error: String::new(),
        cancel: "Keep it",
        back: format!("/requests/{}", grant.request),
        submit: "Revoke now",
        from: "",
    }
}

/// "Mara’s".
pub(crate) fn of(name: &str) -> String {
    format!("{name}’s")
}
