//! Actions on requests and grants: forms that redirect to the updated page. `hallpass-access`
//! authorizes.

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    http::StatusCode,
    routing::{get, post},
};
use hallpass_access::{
    AccessError, ActionRefused, Grant, JUSTIFICATION_CHARACTERS_MIN, Request, ReviewedVersion,
};
use hallpass_base::{GrantId, RequestId};
use hallpass_channels::wording::{dialogs, refused};
use serde::Deserialize;

use super::{
    confirming::Warned,
    flash::{self, Flash},
    presenter::Presenter,
    shell::{Nav, PageResult, Posted, Shell, Viewer, local_path, page_with, see_other},
    sign_in_again,
};
use crate::{App, body::Path, problem::ProblemResponse};

#[derive(Clone, Debug, Default)]
pub(crate) struct WordsForm {
    pub(crate) id: String,
    pub(crate) action: String,
    pub(crate) heading: String,
    pub(crate) lead: String,
    pub(crate) label: String,
    pub(crate) name: &'static str,
    /// Minimum characters; 0 = optional.
    pub(crate) fewest: usize,
    pub(crate) value: String,
    pub(crate) error: String,
    pub(crate) hint: String,
    pub(crate) note: String,
    pub(crate) seen: Option<ReviewedVersion>,
    pub(crate) more: Option<MoreField>,
    pub(crate) warned: Option<Warned>,
    pub(crate) opens: String,
    pub(crate) tone: Tone,
    pub(crate) sessions: Option<bool>,
    pub(crate) refused: Option<String>,
    pub(crate) cancel: &'static str,
    pub(crate) back: String,
    pub(crate) submit: &'static str,
    pub(crate) from: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    #[default]
    Danger,
    Calm,
}

impl Tone {
    pub(crate) const fn is_calm(self) -> bool {
        matches!(self, Self::Calm)
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct MoreField {
    pub(crate) label: &'static str,
    pub(crate) name: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) options: Vec<(String, String)>,
    pub(crate) value: String,
    pub(crate) error: String,
    pub(crate) hint: String,
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
pub(super) struct Press {
    #[serde(default)]
    pub(super) reason: String,
    #[serde(default)]
    pub(super) from: String,
    #[serde(default)]
    pub(super) end_sessions: String,
}

impl Press {
    fn words(&self) -> Option<&str> {
        Some(self.reason.trim()).filter(|words| !words.is_empty())
    }
}

#[derive(Deserialize)]
struct Broken {
    #[serde(default)]
    justification: String,
}

#[derive(Deserialize)]
pub(super) struct Opened {
    #[serde(default)]
    pub(super) from: String,
}

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/requests/{id}/deny", get(deny_page).post(deny))
        .route("/requests/{id}/discard", post(discard))
        .route(
            "/requests/{id}/break-glass",
            get(glass_page).post(break_glass),
        )
        .route(
            "/requests/{id}/close-review",
            get(close_page).post(close_review),
        )
        .route("/grants/{id}", get(to_request))
}

/// The same page for missing and invisible objects.
pub(crate) async fn missing(app: &App, viewer: &Viewer) -> PageResult {
    let shell = viewer.shell(app, Nav::Elsewhere, "Not found").await;
    Ok(page_with(StatusCode::NOT_FOUND, &MissingPage { shell }))
}

/// Returns the page of origin: a name, or the live access URL with its search. Unknown ones map to
/// the request.
pub(super) fn back(from: &str, request: RequestId) -> String {
    match local_path(from) {
        access if access == "/access" || access.starts_with("/access?") => access.to_owned(),
        _ if from == "reviews" => "/reviews".to_owned(),
        _ if from == "home" => "/".to_owned(),
        _ => format!("/requests/{request}"),
    }
}

pub(super) async fn answered(
    app: &App,
    viewer: &Viewer,
    id: RequestId,
    from: &str,
    said: Flash,
    outcome: Result<Request, AccessError>,
) -> PageResult {
    match outcome {
        Ok(_) => Ok(see_other(&flash::after(&back(from, id), said, id))),
        // the page itself would not report a temporary refusal
        Err(AccessError::Refused(why)) if why.retry_after().is_some() || why.is_over_limit() => {
            Err(why.into())
        }
        Err(AccessError::Refused(why)) => {
            // back to the request, to repeat the action there
            let page = flash::after(&format!("/requests/{id}"), Flash::SignedIn, id);
            if let Some(way) = sign_in_again::for_press(&why, &page) {
                return Ok(way);
            }
            // the explanation depends on the action
            let said = match (why, said) {
                (ActionRefused::Changed, _) => Flash::Changed,
                (_, Flash::Denied) => Flash::NotDenied,
                (_, Flash::Discarded) => Flash::NotDiscarded,
                _ => Flash::Refused,
            };
            Ok(see_other(&flash::after(&back(from, id), said, id)))
        }
        Err(AccessError::NotFound(_)) => missing(app, viewer).await,
        Err(error) => Err(error.into()),
    }
}

async fn pressed<F: Future<Output = Result<Request, AccessError>>>(
    app: &App,
    viewer: &Viewer,
    id: &str,
    form: &Press,
    said: Flash,
    press: impl FnOnce(RequestId) -> F,
) -> PageResult {
    let Ok(id) = id.parse::<RequestId>() else {
        return missing(app, viewer).await;
    };
    let outcome = press(id).await;
    answered(app, viewer, id, &form.from, said, outcome).await
}

async fn deny(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { viewer, form }: Posted<Press>,
) -> PageResult {
    let press = |id| app.access.deny(&viewer.actor, id, form.words(), None);
    pressed(&app, &viewer, &id, &form, Flash::Denied, press).await
}

async fn discard(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { viewer, form }: Posted<Press>,
) -> PageResult {
    let press = |id| app.access.discard(&viewer.actor, id, None);
    pressed(&app, &viewer, &id, &form, Flash::Discarded, press).await
}

/// Mails link to grants; their history is on the request page.
async fn to_request(State(app): State<App>, Path(id): Path<String>, viewer: Viewer) -> PageResult {
    match grant_of(&app, &viewer, &id).await? {
        Some(grant) => Ok(see_other(&format!("/requests/{}", grant.request))),
        None => missing(&app, &viewer).await,
    }
}

pub(super) async fn grant_of(
    app: &App,
    viewer: &Viewer,
    id: &str,
) -> Result<Option<Grant>, ProblemResponse> {
    let Ok(id) = id.parse::<GrantId>() else {
        return Ok(None);
    };
    match app.access.grant(&viewer.actor, id).await {
        Ok(grant) => Ok(Some(grant)),
        Err(AccessError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn release(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { viewer, form }: Posted<Press>,
) -> PageResult {
    let Ok(id) = id.parse::<GrantId>() else {
        return missing(&app, &viewer).await;
    };
    match app.access.release(&viewer.actor, id, None).await {
        Ok(grant) => {
            let to = back(&form.from, grant.request);
            Ok(see_other(&flash::after(&to, Flash::GivenBack, grant.id)))
        }
        Err(AccessError::Refused(ActionRefused::GrantOver { .. })) => over(&app, &viewer, id).await,
        Err(AccessError::NotFound(_)) => missing(&app, &viewer).await,
        Err(error) => Err(error.into()),
    }
}

async fn over(app: &App, viewer: &Viewer, id: GrantId) -> PageResult {
    match grant_of(app, viewer, &id.to_string()).await? {
        Some(grant) => Ok(see_other(&format!("/requests/{}", grant.request))),
        None => missing(app, viewer).await,
    }
}

pub(super) async fn show(
    app: &App,
    viewer: &Viewer,
    form: WordsForm,
    status: StatusCode,
) -> PageResult {
    let shell = viewer
        .shell(app, Nav::Elsewhere, form.heading.clone())
        .await;
    Ok(page_with(status, &PressPage { shell, form }))
}

async fn break_glass(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { viewer, form }: Posted<Broken>,
) -> PageResult {
    let Some(request) = request_of(&app, &viewer, &id).await? else {
        return missing(&app, &viewer).await;
    };
    let words = form.justification.as_str();
    let outcome = app
        .access
        .break_glass(&viewer.actor, request.id, words, None)
        .await;
    if let Err(AccessError::Refused(ActionRefused::Justification { characters })) = outcome {
        let mut again = glass_form(&app, &Presenter::new(&app, &viewer), &request);
        again.error = refused::justification(characters);
        words.clone_into(&mut again.value);
        return show(&app, &viewer, again, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    answered(&app, &viewer, request.id, "", Flash::Broken, outcome).await
}

async fn close_review(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { viewer, form }: Posted<Press>,
) -> PageResult {
    let press = |id| {
        app.access
            .close_review(&viewer.actor, id, form.words(), None)
    };
    pressed(&app, &viewer, &id, &form, Flash::Closed, press).await
}

pub(super) async fn request_of(
    app: &App,
    viewer: &Viewer,
    id: &str,
) -> Result<Option<Request>, ProblemResponse> {
    let Ok(id) = id.parse() else { return Ok(None) };
    match app.access.request(&viewer.actor, id).await {
        Ok(request) => Ok(Some(request)),
        Err(AccessError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn deny_page(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(opened): Query<Opened>,
    viewer: Viewer,
) -> PageResult {
    form_page(&app, &viewer, &id, &opened, deny_form).await
}

async fn form_page(
    app: &App,
    viewer: &Viewer,
    id: &str,
    opened: &Opened,
    form: fn(&Presenter, &Request, &str) -> WordsForm,
) -> PageResult {
    let Some(request) = request_of(app, viewer, id).await? else {
        return missing(app, viewer).await;
    };
    let form = form(&Presenter::new(app, viewer), &request, &opened.from);
    show(app, viewer, form, StatusCode::OK).await
}

async fn glass_page(State(app): State<App>, Path(id): Path<String>, viewer: Viewer) -> PageResult {
    let Some(request) = request_of(&app, &viewer, &id).await? else {
        return missing(&app, &viewer).await;
    };
    let form = glass_form(&app, &Presenter::new(&app, &viewer), &request);
    show(&app, &viewer, form, StatusCode::OK).await
}

async fn close_page(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(opened): Query<Opened>,
    viewer: Viewer,
) -> PageResult {
    form_page(&app, &viewer, &id, &opened, close_form).await
}

pub(crate) fn deny_form(view: &Presenter, request: &Request, from: &str) -> WordsForm {
    let who = Presenter::person(&request.requester.name, &request.requester.email);
    let aim = view.aim_of(request);
    WordsForm {
        id: format!("deny-{}", request.id),
        action: format!("/requests/{}/deny", request.id),
        heading: format!("Deny {} request?", of(&who.first)),
        lead: format!(
            "{} for {}. {} is notified now, with your words.",
            aim.words(),
            request.duration,
            who.first
        ),
        label: format!("What should {} do instead?", who.first),
        name: "reason",
        fewest: 0,
        cancel: "Keep waiting",
        back: back(from, request.id),
        submit: "Deny request",
        from: from.to_owned(),
        ..WordsForm::default()
    }
}

pub(crate) fn glass_form(app: &App, view: &Presenter, request: &Request) -> WordsForm {
    let told = dialogs::break_glass_is_told(app.access.told_of_broken_glass(request));
    WordsForm {
        id: format!("glass-{}", request.id),
        action: format!("/requests/{}/break-glass", request.id),
        heading: dialogs::break_glass(request),
        lead: format!("{}. {told}", view.aim_of(request).words()),
        label: dialogs::justification(),
        name: "justification",
        fewest: JUSTIFICATION_CHARACTERS_MIN,
        // an emergency does not wait for a checkbox
        warned: Warned::only_shown(&app.access.warnings_of_broken_glass(request)),
        cancel: "Go back",
        back: format!("/requests/{}", request.id),
        submit: "Break glass",
        ..WordsForm::default()
    }
}

pub(crate) fn close_form(view: &Presenter, request: &Request, from: &str) -> WordsForm {
    let who = Presenter::person(&request.requester.name, &request.requester.email);
    WordsForm {
        id: format!("close-{}", request.id),
        action: format!("/requests/{}/close-review", request.id),
        heading: dialogs::CLOSE_REVIEW.to_owned(),
        lead: format!(
            "{} took {} without waiting. {}",
            who.name,
            view.aim_of(request).words(),
            dialogs::closing_is_told(&who.first)
        ),
        label: dialogs::WHAT_WAS_FOUND.to_owned(),
        name: "reason",
        fewest: 0,
        cancel: "Go back",
        back: back(from, request.id),
        submit: "Close review",
        tone: Tone::Calm,
        from: from.to_owned(),
        ..WordsForm::default()
    }
}

pub(crate) fn of(name: &str) -> String {
    format!("{name}’s")
}
