//! What happens, for open pages: one stream of everything their viewer may see, without words of
//! people. Pages fetch what changed by themselves, so rights are checked again.

use axum::{extract::State, http::HeaderMap, response::Response};
use serde::Deserialize;

use super::shell::Viewer;
use crate::{
    App,
    api::records,
    auth::Credential,
    body::{Parameters, RecordNumber, last_event},
    problem::ProblemResponse,
};

/// Where a page begins to listen.
#[derive(Deserialize)]
pub(crate) struct Since {
    /// The newest record when the page was read; without it, from now on.
    after: Option<RecordNumber>,
}

pub(crate) async fn events(
    State(app): State<App>,
    viewer: Viewer,
    Parameters(since): Parameters<Since>,
    headers: HeaderMap,
) -> Result<Response, ProblemResponse> {
    // a browser that lost the stream goes on where it was
    let resumed = last_event(&headers).or(since.after.map(RecordNumber::get));
    let credential = Credential::Session(viewer.live.session.hash.clone());
    records::stream(
        app,
        viewer.actor,
        credential,
        resumed,
        records::StreamReader::Pages,
    )
    .await
}
