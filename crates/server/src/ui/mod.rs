//! The first page: what is running and, in the demo, what is live. The other pages come with
//! sign-in; until then a real server shows nothing of its organization here.

use std::collections::BTreeSet;

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use hallpass_access::{
    Actor, Grant, GrantFilter, GrantState, Origin, Request, RequestFilter, RequestState,
    RequestView, Role,
};
use hallpass_model::{Email, Span, Timestamp};

use crate::{App, Front, api::records, app::PersonaCard, body::Path, problem::Failure};

/// Rows on the page.
const ROWS: usize = 25;

struct Demo<'a> {
    personas: &'a [PersonaCard],
    aws_endpoint: &'a str,
    program: &'a str,
}

#[derive(Template)]
#[template(path = "front.html")]
struct FrontPage<'a> {
    version: &'a str,
    demo: Option<Demo<'a>>,
    grants: Vec<GrantRow>,
    requests: Vec<RequestRow>,
}

#[derive(Template)]
#[template(path = "live.html")]
struct LivePart {
    grants: Vec<GrantRow>,
    requests: Vec<RequestRow>,
}

struct GrantRow {
    what: String,
    why: String,
    who: String,
    state: &'static str,
    badge: &'static str,
    ends_at: String,
    ends: String,
    left: u64,
    left_text: String,
}

struct RequestRow {
    what: String,
    why: String,
    who: String,
    state: &'static str,
    badge: &'static str,
    next: String,
}

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/", get(front))
        .route("/live", get(live))
        .route("/live/events", get(live_events))
        .route("/demo/token/{email}", get(demo_token))
        .route(
            "/static/hallpass.css",
            get(|| async { css(include_str!("static/hallpass.css")) }),
        )
        .route(
            "/static/front.css",
            get(|| async { css(include_str!("static/front.css")) }),
        )
        .route(
            "/static/front.js",
            get(|| async {
                (
                    [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")],
                    include_str!("static/front.js"),
                )
            }),
        )
}

fn css(text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], text)
}

async fn front(State(app): State<App>) -> Result<Response, Failure> {
    let (demo, grants, requests) = match app.front.as_ref() {
        Front::Serve => (None, Vec::new(), Vec::new()),
        Front::Demo {
            personas,
            aws_endpoint,
            program,
        } => {
            let (grants, requests) = rows(&app).await?;
            (
                Some(Demo {
                    personas,
                    aws_endpoint,
                    program,
                }),
                grants,
                requests,
            )
        }
    };
    render(&FrontPage {
        version: app.version,
        demo,
        grants,
        requests,
    })
}

async fn live(State(app): State<App>) -> Result<Response, Failure> {
    demo_only(&app)?;
    let (grants, requests) = rows(&app).await?;
    render(&LivePart { grants, requests })
}

async fn live_events(State(app): State<App>, headers: HeaderMap) -> Result<Response, Failure> {
    demo_only(&app)?;
    let resumed = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse().ok());
    let viewer = onlooker()?;
    Ok(records::stream(app, viewer, resumed).await?.into_response())
}

fn demo_only(app: &App) -> Result<(), Failure> {
    match app.front.as_ref() {
        Front::Demo { .. } => Ok(()),
        Front::Serve => Err(Failure::not_found("page")),
    }
}

/// The token of a persona: for people at this machine, over a loopback name. The name is checked
/// because a page of another site could point its own name here (DNS rebinding).
async fn demo_token(
    State(app): State<App>,
    Path(email): Path<String>,
    headers: HeaderMap,
) -> Result<String, Failure> {
    let Front::Demo { personas, .. } = app.front.as_ref() else {
        return Err(Failure::not_found("page"));
    };
    let host = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if !["127.0.0.1", "localhost", "[::1]"].contains(&name) {
        return Err(Failure::forbidden(
            "not-loopback",
            "the demo's tokens are for this machine only",
        ));
    }
    let found = personas
        .iter()
        .find(|persona| persona.email.eq_ignore_ascii_case(&email));
    found
        .map(|persona| persona.token.clone())
        .ok_or_else(|| Failure::not_found("persona"))
}

fn render(page: &impl Template) -> Result<Response, Failure> {
    let text = page
        .render()
        .map_err(|error| Failure::unavailable(&error))?;
    Ok((StatusCode::OK, Html(text)).into_response())
}

/// Whoever looks at the demo's page: it runs on their own machine, over a simulated organization.
fn onlooker() -> Result<Actor, Failure> {
    let email = Email::new("onlooker@example.com").map_err(|error| Failure::unavailable(&error))?;
    Ok(Actor {
        user: None,
        name: email.to_string(),
        email,
        roles: BTreeSet::from([Role::Auditor]),
        origin: Origin::Web,
        secondary_domain: false,
    })
}

async fn rows(app: &App) -> Result<(Vec<GrantRow>, Vec<RequestRow>), Failure> {
    let viewer = onlooker()?;
    let live = ["scheduled", "granting", "active", "ending"]
        .map(str::to_owned)
        .to_vec();
    let filter = GrantFilter {
        states: live,
        ..GrantFilter::default()
    };
    let mut grants = app.access.grants(&viewer, &filter, ROWS).await?;
    grants.sort_by_key(|grant| grant.ends_at);
    let now = app.clock.now();
    let requests = app
        .access
        .requests(&viewer, RequestView::All, &RequestFilter::default(), ROWS)
        .await?;
    Ok((
        grants.iter().map(|grant| grant_row(grant, now)).collect(),
        requests.iter().map(request_row).collect(),
    ))
}

fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M UTC").to_string()
}

fn grant_row(grant: &Grant, now: Timestamp) -> GrantRow {
    let (state, badge) = match &grant.state {
        GrantState::Scheduled => ("Queued", "pending"),
        GrantState::Granting => ("Setting up", "pending"),
        GrantState::Active => ("Active", "active"),
        GrantState::Ending { .. } => ("Ending", "ending"),
        GrantState::Ended { .. } => ("Ended", "ended"),
        GrantState::Failed { .. } => ("Failed", "failed"),
    };
    let left = match grant.state {
        GrantState::Active => Span::between(now, grant.ends_at),
        _ => Span::ZERO,
    };
    GrantRow {
        what: grant.names.to_string(),
        why: grant.reason.clone(),
        who: grant.holder.name.clone(),
        state,
        badge,
        ends_at: grant.ends_at.to_string(),
        ends: clock(grant.ends_at),
        left: left.as_seconds(),
        left_text: left.to_string(),
    }
}

fn request_row(request: &Request) -> RequestRow {
    let (state, badge, next) = match &request.state {
        RequestState::Pending => ("Waiting", "pending", waits_for(request)),
        RequestState::Approved { by, at, .. } => (
            "Approved",
            "active",
            format!("Approved by {by} at {}.", clock(*at)),
        ),
        RequestState::Denied { by, at, reason } => {
            let words = reason
                .as_ref()
                .map(|reason| format!("“{reason}” "))
                .unwrap_or_default();
            (
                "Denied",
                "denied",
                format!("{words}{by} at {}.", clock(*at)),
            )
        }
        RequestState::Discarded { by, at } => (
            "Discarded",
            "discarded",
            format!("Withdrawn by {by} at {}.", clock(*at)),
        ),
        RequestState::Expired { at } => (
            "Lapsed",
            "expired",
            format!("Nobody decided in time; lapsed at {}.", clock(*at)),
        ),
        RequestState::Rejected { detail, .. } => ("Not possible", "rejected", detail.clone()),
    };
    RequestRow {
        what: request.names.to_string(),
        why: request.reason.clone(),
        who: request.requester.name.clone(),
        state,
        badge,
        next,
    }
}

fn waits_for(request: &Request) -> String {
    let names = request
        .decided
        .approvers
        .iter()
        .map(Email::local_part)
        .collect::<Vec<_>>()
        .join(", ");
    let lapse = request
        .expires_at
        .map(|at| format!(" Lapses {}.", clock(at)))
        .unwrap_or_default();
    let given = request.reviews.len();
    match request.decided.approvals_needed {
        0 | 1 => format!("Waits for one of {names}.{lapse}"),
        needed => format!("Waits for {needed} of {names}; {given} so far.{lapse}"),
    }
}
