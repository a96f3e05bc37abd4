use askama::Template;
use axum::{http::StatusCode, response::Response};

use super::shell::{Nav, Shell, Viewer, page_with};
use crate::App;

#[derive(Template)]
#[template(path = "forbidden.html")]
struct ForbiddenPage {
    shell: Shell,
    whom: &'static str,
}

pub(crate) async fn page_for(app: &App, viewer: &Viewer, whom: &'static str) -> Response {
    let shell = viewer.shell(app, Nav::Elsewhere, "Not for you").await;
    page_with(StatusCode::FORBIDDEN, &ForbiddenPage { shell, whom })
}
