//! Presses on requests and grants. Each is a form, answered by the way back to a page that shows
//! what is true now; who may press is decided by the core alone.

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    http::StatusCode,
    routing::{get, post},
};
use hallpass_access::{
    AccessError, Grant, JUSTIFICATION_CHARACTERS_MIN, PressRefused, Request, ReviewedVersion,
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

/// A form for words: why not, or why now.
#[derive(Clone, Debug, Default)]
pub(crate) struct WordsForm {
    /// Unique on the page.
    pub(crate) id: String,
    pub(crate) action: String,
    pub(crate) heading: String,
    pub(crate) lead: String,
    pub(crate) label: String,
    /// The field's name.
    pub(crate) name: &'static str,
    /// The fewest characters; 0 = it may stay empty.
    pub(crate) fewest: usize,
    pub(crate) value: String,
    pub(crate) error: String,
    /// What becomes of the words; may be empty.
    pub(crate) hint: String,
    /// What else is to be known before the press; may be empty.
    pub(crate) note: String,
    /// What was seen of the request, where that counts.
    pub(crate) seen: Option<ReviewedVersion>,
    /// One field more; `None` where words are all.
    pub(crate) more: Option<MoreField>,
    /// Warnings above the button.
    pub(crate) warned: Option<Warned>,
    /// The words of the button that opens it, where they are not always the same.
    pub(crate) opens: String,
    /// How the button looks.
    pub(crate) tone: Tone,
    /// Whether it can be ticked that sessions end too, and whether it is.
    pub(crate) sessions: Option<bool>,
    /// Why the viewer may not; then there is nothing to fill in.
    pub(crate) refused: Option<String>,
    /// The way back, which changes nothing.
    pub(crate) cancel: &'static str,
    pub(crate) back: String,
    pub(crate) submit: &'static str,
    /// The page it was opened on.
    pub(crate) from: String,
}

/// How a button looks that sends words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// It takes something away.
    #[default]
    Danger,
    /// It does not.
    Calm,
}

impl Tone {
    pub(crate) const fn is_calm(self) -> bool {
        matches!(self, Self::Calm)
    }
}

/// A field beside the words.
#[derive(Clone, Debug, Default)]
pub(crate) struct MoreField {
    pub(crate) label: &'static str,
    /// The field's name.
    pub(crate) name: &'static str,
    /// The kind of input: `text` or `date`.
    pub(crate) kind: &'static str,
    /// Values with their words, where there is nothing to type but to choose.
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
    /// Anything, when it is ticked.
    #[serde(default)]
    pub(super) end_sessions: String,
}

impl Press {
    /// What was written, if anything was.
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
        .route("/grants/{id}/release", post(release))
}

/// The page for what is not there and for what is not the viewer's to see: the same.
pub(crate) async fn missing(app: &App, viewer: &Viewer) -> PageResult {
    let shell = viewer.shell(app, Nav::Elsewhere, "Not found").await;
    Ok(page_with(StatusCode::NOT_FOUND, &MissingPage { shell }))
}

/// The page a form was opened on: a name, or an address of the page of live access, which keeps
/// its search. What is unknown is the request's own.
pub(super) fn back(from: &str, request: RequestId) -> String {
    match local_path(from) {
        access if access == "/access" || access.starts_with("/access?") => access.to_owned(),
        _ if from == "reviews" => "/reviews".to_owned(),
        _ if from == "home" => "/".to_owned(),
        _ => format!("/requests/{request}"),
    }
}

/// What came of a press on a request, as the way to a page that shows it.
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
        // nothing on the page would say it: it is over in a moment
        Err(AccessError::Refused(why)) if why.retry_after().is_some() || why.is_over_limit() => {
            Err(why.into())
        }
        Err(AccessError::Refused(why)) => {
            // back to the request, where the press is asked for once more
            let page = flash::after(&format!("/requests/{id}"), Flash::SignedIn, id);
            if let Some(way) = sign_in_again::for_press(&why, &page) {
                return Ok(way);
            }
            // why not depends on what was pressed
            let said = match (why, said) {
                (PressRefused::Changed, _) => Flash::Changed,
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

/// A press on the request that an address names.
async fn pressed<F: Future<Output = Result<Request, AccessError>>>(
    app: &App,
    viewer: &Viewer,
    (id, form): (&str, &Press),
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
    pressed(&app, &viewer, (&id, &form), Flash::Denied, press).await
}

async fn discard(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { viewer, form }: Posted<Press>,
) -> PageResult {
    let press = |id| app.access.discard(&viewer.actor, id, None);
    pressed(&app, &viewer, (&id, &form), Flash::Discarded, press).await
}

/// Links in mail name grants; their story is on the request's page.
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

async fn release(
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
        Err(AccessError::Refused(PressRefused::GrantOver { .. })) => over(&app, &viewer, id).await,
        Err(AccessError::NotFound(_)) => missing(&app, &viewer).await,
        Err(error) => Err(error.into()),
    }
}

/// Over already: its page says how.
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
    if let Err(AccessError::Refused(PressRefused::Justification { characters })) = outcome {
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
    pressed(&app, &viewer, (&id, &form), Flash::Closed, press).await
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
    form_page(&app, &viewer, (&id, &opened), deny_form).await
}

/// The page of a form about a request.
async fn form_page(
    app: &App,
    viewer: &Viewer,
    (id, opened): (&str, &Opened),
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
    form_page(&app, &viewer, (&id, &opened), close_form).await
}

/// "Deny Deniz’s request?"
pub(crate) fn deny_form(view: &Presenter, request: &Request, from: &str) -> WordsForm {
    let who = Presenter::person(&request.requester.name, &request.requester.email);
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
        name: "reason",
        fewest: 0,
        cancel: "Keep waiting",
        back: back(from, request.id),
        submit: "Deny request",
        from: from.to_owned(),
        ..WordsForm::default()
    }
}

/// "Break glass for 1h?"
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
        // an emergency does not wait for a tick
        warned: Warned::only_shown(&app.access.warnings_of_broken_glass(request)),
        cancel: "Go back",
        back: format!("/requests/{}", request.id),
        submit: "Break glass",
        ..WordsForm::default()
    }
}

/// "Close the review?"
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

/// "Mara’s".
pub(crate) fn of(name: &str) -> String {
    format!("{name}’s")
}
