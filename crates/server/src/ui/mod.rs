//! The web pages: rendered here, alive through one small script, complete without it.
//!
//! Each page is a file with its route, its data and its words; templates are in `templates/`.
//! Pages decide nothing: what somebody may see and do comes from `hallpass-access`.

mod failed;
mod flash;
mod grant_activity;
mod html;
mod kept;
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
    http::HeaderMap,
    middleware,
    routing::{MethodRouter, get},
};

use crate::App;

pub(crate) use failed::as_pages_for_browsers;
use kept::KeptFile;

/// The style sheet.
pub(crate) const CSS: &str = include_str!("static/hallpass.css");
/// The script.
pub(crate) const JS: &str = include_str!("static/hallpass.js");
static CSS_FILE: KeptFile = KeptFile::new(CSS, "text/css; charset=utf-8");
static JS_FILE: KeptFile = KeptFile::new(JS, "text/javascript; charset=utf-8");
static MARK_FILE: KeptFile = KeptFile::new(include_str!("static/mark.svg"), "image/svg+xml");

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
        .route("/static/hallpass.css", kept(&CSS_FILE))
        .route("/static/hallpass.js", kept(&JS_FILE))
        .route("/static/mark.svg", kept(&MARK_FILE))
}

fn kept(file: &'static KeptFile) -> MethodRouter<App> {
    get(async |headers: HeaderMap| file.answer(&headers))
}

/// Streams, which last longer than calls may.
pub(crate) fn streams() -> Router<App> {
    Router::new().route("/events", get(events::events))
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
