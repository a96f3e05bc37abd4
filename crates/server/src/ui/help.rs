//! Pages of the documents.

use askama::Template;
use axum::{Router, extract::State, routing::get};

use super::documents::{rendered, text};
use super::press::missing;
use super::shell::{Nav, PageResult, Shell, Viewer, page};
use crate::{App, body::Path};

pub(crate) fn router() -> Router<App> {
    Router::new().route("/help/{part}/{name}", get(show))
}

#[derive(Template)]
#[template(path = "document.html")]
struct DocumentPage {
    shell: Shell,
    /// Rendered from our own documents: no markup of others is in it.
    body: String,
}

async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Path((part, name)): Path<(String, String)>,
) -> PageResult {
    let name = format!("{part}/{name}");
    let Some(text) = text(&name) else {
        return missing(&app, &viewer).await;
    };
    let title = text.lines().next().unwrap_or(&name);
    let title = title.trim_start_matches('#').trim().to_owned();
    let shell = viewer.shell(&app, Nav::Elsewhere, title).await;
    let body = rendered(&name, text);
    Ok(page(&DocumentPage { shell, body }))
}
