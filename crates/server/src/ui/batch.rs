//! Batch requests (`access.md` §5.2): siblings.

use hallpass_access::Request;

use super::{presenter::Presenter, rows, shell::Viewer, words::Badge};
use crate::{App, problem::ProblemResponse};

pub(super) struct Sibling {
    pub(super) id: String,
    pub(super) words: String,
    pub(super) badge: Badge,
}

pub(super) async fn siblings(
    app: &App,
    viewer: &Viewer,
    view: &Presenter,
    request: &Request,
) -> Result<Vec<Sibling>, ProblemResponse> {
    let others = app.access.asked_with(&viewer.actor, request).await?;
    let mut siblings = Vec::new();
    for other in &others {
        let grant = rows::with_grant(app, viewer, other).await;
        siblings.push(Sibling {
            id: other.id.to_string(),
            words: view.aim_of(other).words(),
            badge: rows::badge(view, other, grant.as_ref()),
        });
    }
    Ok(siblings)
}

pub(super) async fn extended(app: &App, viewer: &Viewer, request: &Request) -> Option<String> {
    let grant = app
        .access
        .grant(&viewer.actor, request.extends?)
        .await
        .ok()?;
    Some(format!("/requests/{}", grant.request))
}
