//! Sign-in and sign-out. The demo's persona picker is local only.

use std::net::SocketAddr;

use askama::Template;
use axum::{
    Extension, Form, Router,
    extract::{ConnectInfo, Query, State},
    http::{Extensions, HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use hallpass_access::Origin;
use hallpass_access::identity::{Owner, SignedIn};
use hallpass_base::Email;
use serde::Deserialize;

use super::shell::{
    self, Leaving, PageResult, Posted, Viewer, from_our_page, local_path, page, page_with,
    see_other, url_encoded,
};
use super::sign_in_again;
use super::{CSS, JS};
use crate::{App, ServerMode, app::PersonaCard, body::Path, problem::ProblemResponse, session};

const SIGNED_OUT: &str = "You were signed out. Sign in and your text is still here.";

struct Picture<'a> {
    email: &'a str,
    name: &'a str,
    role: &'a str,
    initials: String,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    css: &'static str,
    js: &'static str,
    theme: &'static str,
    personas: Vec<Picture<'a>>,
    provider: Option<String>,
    failure: Option<&'a str>,
    was_signed_in: bool,
    next: String,
    next_plain: &'a str,
}

#[derive(Deserialize)]
struct SignInQuery {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct Picked {
    persona: String,
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct ThemeForm {}

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/signin", get(show).post(pick))
        .route("/signout", post(out))
        .route("/theme", post(theme))
        .route("/demo/token/{email}", get(demo_token))
}

fn personas(app: &App) -> &[PersonaCard] {
    match app.mode.as_ref() {
        ServerMode::Demo { personas, .. } => personas,
        ServerMode::Serve => &[],
    }
}

fn picture(persona: &PersonaCard) -> Picture<'_> {
    Picture {
        email: &persona.email,
        name: &persona.name,
        role: &persona.role,
        initials: super::words::initials(&persona.name),
    }
}

async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    Query(coming): Query<SignInQuery>,
    Query(wanted): Query<sign_in_again::AgainQuery>,
) -> PageResult {
    let next = local_path(&coming.next);
    let live = session::of(&app, &headers).await?;
    let viewer = match live {
        Some(live) => Viewer::of(&app, live, &headers).await.ok(),
        None => None,
    };
    Ok(match viewer {
        Some(viewer) if wanted.again.is_some() => sign_in_again::show(&app, &viewer, &wanted, next),
        Some(_) => see_other(next),
        None => sign_in_page(&app, &headers, next, None, StatusCode::OK),
    })
}

pub(super) fn sign_in_page(
    app: &App,
    headers: &HeaderMap,
    next: &str,
    failure: Option<&str>,
    status: StatusCode,
) -> Response {
    let provider = app.sign_in.provider.as_ref();
    // an explicit sign-out removes the cookie, so this session expired or was ended
    let had = session::cookie(headers, app.session_settings.cookie_name());
    let page = SignInPage {
        css: CSS.url(),
        js: JS.url(),
        theme: shell::theme(headers),
        personas: personas(app).iter().map(picture).collect(),
        provider: provider.map(|provider| provider.settings().name.clone()),
        failure,
        was_signed_in: had.is_some_and(|secret| !secret.is_empty()),
        next: url_encoded(next),
        next_plain: next,
    };
    page_with(status, &page)
}

async fn pick(
    State(app): State<App>,
    source: Option<Extension<ConnectInfo<SocketAddr>>>,
    extensions: Extensions,
    headers: HeaderMap,
    Form(picked): Form<Picked>,
) -> PageResult {
    on_this_machine(&app, source, &headers)?;
    if !from_our_page(&headers, &app.sign_in.public_url) {
        return Err(not_here());
    }
    let email = personas(&app)
        .iter()
        .find(|persona| persona.email.eq_ignore_ascii_case(&picked.persona))
        .and_then(|persona| Email::new(&persona.email).ok())
        .ok_or_else(|| ProblemResponse::not_found("persona"))?;
    let actor = app
        .identity
        .actor(&email, Origin::Web, &app.access.directory());
    let owner = actor.ok().and_then(|actor| Owner::of(&actor));
    let owner = owner.ok_or_else(|| {
        ProblemResponse::forbidden("not-in-directory", "This persona is not in the directory.")
    })?;
    crate::auth::ensure_unlocked(&app, &owner.user).await?;
    let cookie = session::begin(&app, &extensions, &headers, owner, SignedIn::Persona).await?;
    Ok(with_cookie(see_other(local_path(&picked.next)), cookie))
}

/// Ends the session here, and at the provider if supported. Other sessions continue.
async fn out(State(app): State<App>, headers: HeaderMap, Leaving(live): Leaving) -> PageResult {
    let cookie = session::end(&app, &live).await?;
    let answer = match &live.session.signed_in {
        SignedIn::Persona | SignedIn::Link => see_other("/signin"),
        SignedIn::Oidc { id_token, .. } => at_provider(&app, &headers, id_token.as_deref()).await,
    };
    Ok(with_cookie(answer, cookie))
}

#[derive(Template)]
#[template(path = "signed_out.html")]
struct SignedOutPage<'a> {
    css: &'static str,
    theme: &'static str,
    provider: &'a str,
    way: &'a str,
}

/// Redirects to the provider's sign-out by a page, because `form-action` also restricts redirects
/// after a form.
async fn at_provider(app: &App, headers: &HeaderMap, id_token: Option<&str>) -> Response {
    let Some(provider) = app.sign_in.provider.as_ref() else {
        return see_other("/signin");
    };
    match provider.way_out(id_token, app.clock.elsewhere()).await {
        Some(way) => page(&SignedOutPage {
            css: CSS.url(),
            theme: shell::theme(headers),
            provider: &provider.settings().name,
            way: &way,
        }),
        None => see_other("/signin"),
    }
}

async fn theme(headers: HeaderMap, _: Posted<ThemeForm>) -> Response {
    let other = if shell::theme(&headers) == "dark" {
        "light"
    } else {
        "dark"
    };
    let cookie = format!("theme={other}; Path=/; Max-Age=31536000; SameSite=Lax");
    match HeaderValue::from_str(&cookie) {
        Ok(cookie) => with_cookie(see_other("/"), cookie),
        Err(_) => see_other("/"),
    }
}

pub(super) fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}

async fn demo_token(
    State(app): State<App>,
    Path(email): Path<String>,
    source: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
) -> Result<Response, ProblemResponse> {
    on_this_machine(&app, source, &headers)?;
    let found = personas(&app)
        .iter()
        .find(|persona| persona.email.eq_ignore_ascii_case(&email));
    let token = found.map(|persona| persona.token.clone());
    let token = token.ok_or_else(|| ProblemResponse::not_found("persona"))?;
    Ok((StatusCode::OK, token).into_response())
}

/// Personas need a local client and a loopback host name, in the demo. Checks the name because of
/// DNS rebinding.
fn on_this_machine(
    app: &App,
    source: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: &HeaderMap,
) -> Result<(), ProblemResponse> {
    if matches!(app.mode.as_ref(), ServerMode::Serve) {
        return Err(ProblemResponse::not_found("page"));
    }
    let host = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let near = source.is_some_and(|Extension(ConnectInfo(address))| address.ip().is_loopback());
    if near && ["127.0.0.1", "localhost", "[::1]"].contains(&name) {
        Ok(())
    } else {
        Err(not_here())
    }
}

fn not_here() -> ProblemResponse {
    ProblemResponse::forbidden(
        "not-loopback",
        "the demo is for people at this machine only",
    )
}
