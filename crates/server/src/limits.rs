//! Rate limits per source (`access.md` §15, `server.rate`): a token bucket per valid token or
//! session, else per address. Unknown secrets count for their address; otherwise each invented one
//! would be a new source. Slack calls for all users from few addresses and is authenticated by
//! signature, so webhooks of channels are exempt (`access.md` §16.29).

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::Instant;

use crate::{App, auth::bearer, problem::ProblemResponse, rates::AttemptSource, session};

#[derive(Clone, Copy)]
enum Counted {
    /// Per address: anonymous calls that make the server store state.
    ByAddress,
    BySession,
}

/// Returns the bucket of calls that start a sign-in or try a short code. Page reads do not count,
/// nor calls with 256 random bits, which cannot be guessed.
fn attempt(method: &Method, path: &str) -> Option<(&'static str, Counted)> {
    match (method, path) {
        (_, "/signin/first") => Some(("first", Counted::ByAddress)),
        (_, "/signin/oidc") => Some(("leave", Counted::ByAddress)),
        (&Method::POST, "/api/v1/login/device") => Some(("begin", Counted::ByAddress)),
        (&Method::POST, "/login/cli") => Some(("login", Counted::BySession)),
        (&Method::POST, "/login/device") => Some(("device", Counted::BySession)),
        _ => None,
    }
}

fn secrets<'a>(app: &App, headers: &'a HeaderMap) -> Vec<&'a str> {
    let token = headers.get(header::AUTHORIZATION).and_then(bearer);
    let session = session::cookie(headers, app.session_settings.cookie_name());
    token.into_iter().chain(session).collect()
}

/// Admits a call, or returns `Retry-After`. Health and metrics are exempt.
pub(crate) async fn allow(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if !app.limits_rate(path) {
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
    let detail = "too many concurrent calls; nothing was done";
    let failure = ProblemResponse::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", detail)
        .help("wait a few seconds and try again");
    let mut response = failure.into_response();
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static(again));
    response
}
