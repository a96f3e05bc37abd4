//! The web pages: rendered here, alive through one small script, complete without it.
//!
//! Each page is a file with its route, its data and its words; templates are in `templates/`.
//! Pages decide nothing: what somebody may see and do comes from `hallpass-access`.

mod failed;
mod flash;
mod grant_activity;
mod html;
mod presenter;
mod refusals;
mod rows;
pub(crate) mod shell;
mod timeline;
mod together;
pub(crate) mod words;

mod approve;
mod ask;
mod home;
mod press;
mod request;
mod reviews;
mod reviews_card;
mod reviews_search;
mod sign_in;

mod access;
mod alerts;
mod audit;
mod audit_export;
mod audit_find;
mod audit_words;
mod charts;
mod cut_off;
mod decided;
mod denied;
mod events;
mod forbidden;
mod health;
mod health_names;
mod health_parts;
mod judged;
mod login;
mod oidc;
mod own;
mod people;
mod permission_set;
mod person;
mod plans;
mod remediations;
mod revoke;
mod rules;
mod rules_explain;
mod sign_in_again;
mod standing;
mod sweep_words;
mod sweeps;

use axum::{
    Router,
    http::{HeaderValue, header},
    middleware,
    response::IntoResponse,
    routing::get,
};

use crate::App;

pub(crate) use failed::as_pages_for_browsers;

/// The style sheet.
pub(crate) const CSS: &str = include_str!("static/hallpass.css");
/// The script.
pub(crate) const JS: &str = include_str!("static/hallpass.js");
const MARK: &str = include_str!("static/mark.svg");

pub(crate) fn router() -> Router<App> {
    Router::new()
        .merge(home::router())
        .merge(ask::router())
        .merge(request::router())
        .merge(reviews::router())
        .merge(together::router())
        .merge(sign_in::router())
        .merge(oidc::router())
        .merge(own::router())
        .merge(login::router())
        .merge(access::router())
        .merge(audit::router())
        .merge(alerts::router())
        .merge(health::router())
        .merge(judged::router())
        .merge(person::router())
        .merge(plans::router())
        .merge(remediations::router())
        .merge(rules::router())
        .merge(permission_set::router())
        .merge(denied::router())
        .layer(middleware::from_fn(failed::as_pages))
        .route(
            "/static/hallpass.css",
            get(async || kept(CSS, "text/css; charset=utf-8")),
        )
        .route(
            "/static/hallpass.js",
            get(async || kept(JS, "text/javascript; charset=utf-8")),
        )
        .route(
            "/static/mark.svg",
            get(async || kept(MARK, "image/svg+xml")),
        )
}

/// Streams, which last longer than calls may.
pub(crate) fn streams() -> Router<App> {
    Router::new().route("/events", get(events::events))
}

/// A file that does not change under its address, which names its hash.
fn kept(text: &'static str, kind: &'static str) -> impl IntoResponse {
    let year = HeaderValue::from_static("public, max-age=31536000, immutable");
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, year),
    ];
    (headers, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_stays_as_small_as_promised() {
        // docs/decisions/0010: a larger one is a reason to decide again
        assert!(JS.len() < 13_000, "{} bytes", JS.len());
    }
}
