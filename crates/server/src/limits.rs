//! How fast one source may call: a token bucket per token that counts, or per address for those
//! without one (`access.md` §15, `server.rate`). A token that nobody knows yet counts for its
//! address, or each made-up one would be a source of its own. Slack calls for everybody from few addresses and is known by its
//! signature, so its door is not counted (`access.md` §16.29).

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::Instant;

use crate::{App, problem::ProblemResponse, uncounted::is_counted};

/// Paths on which codes and sign-ins can be guessed or begun, and the bucket each counts in. The
/// provider's own call (`/signin/oidc/logout`) comes for everybody from one address.
fn guarded(path: &str) -> Option<&'static str> {
    match path {
        "/signin/oidc" => Some("leave"),
        "/signin/oidc/callback" => Some("return"),
        "/login/cli" => Some("login"),
        "/login/device" => Some("device"),
        "/api/v1/login/device" => Some("begin"),
        "/api/v1/login/token" => Some("fetch"),
        _ => None,
    }
}

/// Lets a call through, or says when to come again. Health and metrics are not counted.
pub(crate) async fn allow(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if !is_counted(path) {
        return next.run(request).await;
    }
    let rates = &app.rates;
    let address = app.sign_in.proxies.of(&request);
    let source = rates.source(request.headers().get(header::AUTHORIZATION), address);
    let now = Instant::now();
    if !rates.take(source, now) {
        return too_many("1");
    }
    if let Some(what) = guarded(path) {
        let tries = &app.sign_in.rates;
        if !tries.take(tries.tries_of(what, address), now) {
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
