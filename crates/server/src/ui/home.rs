//! Home: what can I use right now, and until when?

use askama::Template;
use axum::{Router, extract::State, routing::get};

use super::shell::{Nav, PageResult, Shell, Viewer, page};
use crate::App;

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    shell: Shell,
}

pub(crate) fn router() -> Router<App> {
    Router::new().route("/", get(home))
}

async fn home(State(app): State<App>, viewer: Viewer) -> PageResult {
    let shell = viewer.shell(&app, Nav::Home, "Your access").await;
    Ok(page(&HomePage { shell }))
}
