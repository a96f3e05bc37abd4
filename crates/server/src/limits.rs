//! How fast one source may call (`access.md` §15, `server.rate`): a token bucket per valid token or session, else per
//! address. A secret that is not known to be valid counts for its address, or each made-up one would be a source of its
//! own. Slack calls for everybody from few addresses and is known by its signature, so its door is not counted
//! (`access.md` §16.29).

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::Instant;

use crate::{
    App, auth::bearer, problem::ProblemResponse, rates::AttemptSource, session,
    uncounted::is_counted,
};

/// Whose attempts one is counted among.
#[derive(Clone, Copy)]
enum Counted {
    /// Those of the address: the caller is a stranger, and the server keeps something for each call.
    ByAddress,
    /// Those of the session, for pages of signed-in people.
    BySession,
}

/// Calls that begin a sign-in or try a short code, and the bucket that each counts in. Reading a page is no attempt;
/// neither is a call with 256 random bits, which nobody guesses.
fn attempt(method: &Method, path: &str) -> Option<(&'static str, Counted)> {
    match (method, path) {
        (_, "/signin/oidc") => Some(("leave", Counted::ByAddress)),
        (&Method::POST, "/api/v1/login/device") => Some(("begin", Counted::ByAddress)),
        (&Method::POST, "/login/cli") => Some(("login", Counted::BySession)),
        (&Method::POST, "/login/device") => Some(("device", Counted::BySession)),
        _ => None,
    }
}

/// The secrets of tokens and sessions that a call has.
fn secrets<'a>(app: &App, headers: &'a HeaderMap) -> Vec<&'a str> {
    let token = headers.get(header::AUTHORIZATION).and_then(bearer);
    let session = session::cookie(headers, app.session_settings.cookie_name());
    token.into_iter().chain(session).collect()
}

/// Lets a call through, or says when to come again. Health and metrics are not counted.
pub(crate) async fn allow(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if !is_counted(path) {
        return next.run(request).await;
    }
    let rates = &app.rates;
    let address = app.sign_in.proxies.of(&request);
    let secrets = secrets(&app, request.headers());
    let known = rates.known(&secrets);
    let now = Instant::now();
    if !rates.take(
        known.unwrap_or_else(|| rates.unknown(&secrets, address)),
        now,
    ) {
        return too_many("1");
    }
    if let Some((what, counted)) = attempt(request.method(), path) {
        let source = match (counted, known) {
            (Counted::BySession, Some(known)) => AttemptSource::Known(known),
            (Counted::ByAddress | Counted::BySession, _) => AttemptSource::Address(address),
        };
        let attempts = &app.sign_in.rates;
        if !attempts.take(attempts.attempts_of(what, source), now) {
            return too_many("6");
        }
    }
    next.run(request).await
}

fn too_many(again: &'static str) -> Response {
    let detail = "too many calls at once; nothing was done";
    let failure = ProblemResponse::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", detail)
        .help("wait a few seconds and try again");
    let mut response = failure.into_response();
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static(again));
    response
}
