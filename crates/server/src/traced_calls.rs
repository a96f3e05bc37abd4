//! Tracing spans of API, page and webhook calls, if traces are exported. Only method, route and
//! status: paths contain ids, queries sign-in codes, headers tokens, bodies reasons.

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use hallpass_base::traced::SPANS;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

const UNTRACED: [&str; 4] = ["/healthz", "/readyz", "/metrics", "/static/"];
/// Length of a version 00 `traceparent` (W3C Trace Context, section 3.2).
const TRACEPARENT_CHARACTERS: usize = 55;

const REQUEST_ID_CHARACTERS_MAX: usize = 64;

pub(crate) async fn traced(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map(|it| it.as_str().to_owned());
    let is_of_nothing = |route: &str| UNTRACED.iter().any(|it| route.starts_with(it));
    if route.as_deref().is_none_or(is_of_nothing) {
        return next.run(request).await;
    }
    let span = open(
        request.method(),
        route.as_deref().unwrap_or_default(),
        request.headers(),
    );
    if span.is_disabled() {
        return next.run(request).await;
    }
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("error.type", status.as_str());
    }
    response
}

fn open(method: &Method, route: &str, headers: &HeaderMap) -> Span {
    let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
    // foreign traces are never continued, only recorded as an attribute
    let caller = text("traceparent").filter(|it| it.len() == TRACEPARENT_CHARACTERS);
    // clients may send arbitrary ids
    let is_id = |it: &&str| {
        let is_of_id = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        it.len() <= REQUEST_ID_CHARACTERS_MAX && it.chars().all(is_of_id)
    };
    let method = known(method);
    tracing::info_span!(
        target: SPANS,
        "http call",
        otel.name = %format_args!("{} {route}", method.unwrap_or("HTTP")),
        otel.kind = "server",
        otel.link = caller,
        http.request.method = method.unwrap_or("_OTHER"),
        http.route = route,
        http.response.status_code = Empty,
        error.type = Empty,
        hallpass.http.request_id = text("x-request-id").filter(is_id),
    )
}

/// Returns standard HTTP methods only; clients may send arbitrary ones.
fn known(method: &Method) -> Option<&'static str> {
    match *method {
        Method::GET => Some("GET"),
        Method::HEAD => Some("HEAD"),
        Method::POST => Some("POST"),
        Method::PUT => Some("PUT"),
        Method::PATCH => Some("PATCH"),
        Method::DELETE => Some("DELETE"),
        Method::OPTIONS => Some("OPTIONS"),
        _ => None,
    }
}
