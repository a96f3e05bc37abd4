//! Web pages: server-rendered, enhanced by one small script, complete without it.
//!
//! Each page is a file with its route, data and texts; templates are in `templates/`. Pages make no
//! access decisions: `hallpass-access` does.

mod batch;
mod confirming;
mod failed;
mod flash;
mod grant_activity;
mod html;
mod presenter;
mod refusals;
mod rows;
pub(crate) mod shell;
mod static_assets;
mod timeline;
pub(crate) mod words;

mod approve;
mod home;
mod new_request;
mod press;
mod request;
mod requests;
mod requests_csv;
mod reviews;
mod reviews_card;
mod reviews_search;
mod several;
mod sign_in;

mod access;
mod alerts;
mod audit;
mod audit_export;
mod audit_find;
mod audit_words;
mod campaign;
mod campaigns;
mod charts;
mod decided;
mod denied;
mod documents;
mod events;
mod first_sign_in;
mod forbidden;
mod health;
mod health_names;
mod health_parts;
mod help;
mod locks;
mod login;
mod oidc;
mod out_of_office;
mod own;
mod people;
mod permission_set;
mod person;
mod person_overview;
mod plans;
mod remediations;
mod reports;
mod revoke;
mod revoke_all;
mod rules;
mod rules_explain;
mod saved;
mod saving;
mod setup;
mod sign_in_again;
mod stale_accounts;
mod standing;
mod sweep_words;
mod sweeps;

use axum::{
    Router,
    http::{HeaderMap, Uri},
    middleware,
    routing::{MethodRouter, get},
};

use crate::App;

pub(crate) use failed::as_pages_for_browsers;
use static_assets::KeptFile;

pub(crate) static CSS: KeptFile = KeptFile::new(
    "/static/hallpass.css",
    include_str!("static/hallpass.css"),
    "text/css; charset=utf-8",
);
pub(crate) static JS: KeptFile = KeptFile::new(
    "/static/hallpass.js",
    JS_TEXT,
    "text/javascript; charset=utf-8",
);
/// Only on Reviews.
pub(crate) static NOTIFY: KeptFile = KeptFile::new(
    "/static/notify.js",
    include_str!("static/notify.js"),
    "text/javascript; charset=utf-8",
);
const JS_TEXT: &str = include_str!("static/hallpass.js");
pub(crate) static MARK: KeptFile = KeptFile::new(
    "/static/mark.svg",
    include_str!("static/mark.svg"),
    "image/svg+xml",
);

pub(crate) fn router() -> Router<App> {
    Router::new()
        .merge(home::router())
        .merge(new_request::router())
        .merge(request::router())
        .merge(requests::router())
        .merge(requests_csv::router())
        .merge(reviews::router())
        .merge(several::router())
        .merge(sign_in::router())
        .merge(first_sign_in::router())
        .merge(oidc::router())
        .merge(campaign::router())
        .merge(campaigns::router())
        .merge(out_of_office::router())
        .merge(own::router())
        .merge(login::router())
        .merge(access::router())
        .merge(audit::router())
        .merge(reports::router())
        .merge(saving::router())
        .merge(alerts::router())
        .merge(health::router())
        .merge(setup::router())
        .merge(stale_accounts::router())
        .merge(person::router())
        .merge(plans::router())
        .merge(remediations::router())
        .merge(rules::router())
        .merge(permission_set::router())
        .merge(denied::router())
        .merge(help::router())
        .layer(middleware::from_fn(failed::as_pages))
        .route(CSS.path(), kept(&CSS))
        .route(JS.path(), kept(&JS))
        .route(NOTIFY.path(), kept(&NOTIFY))
        .route(MARK.path(), kept(&MARK))
}

fn kept(file: &'static KeptFile) -> MethodRouter<App> {
    get(async |address: Uri, headers: HeaderMap| file.answer(&address, &headers))
}

pub(crate) fn streams() -> Router<App> {
    Router::new().route("/events", get(events::events))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_stays_as_small_as_promised() {
        assert!(JS_TEXT.len() < 15_000, "{} bytes", JS_TEXT.len());
    }
}
