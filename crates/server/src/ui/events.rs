//! Live event stream for pages, without user text. Pages refetch changed parts, which checks rights
//! again.

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

#[derive(Deserialize)]
pub(crate) struct Since {
    after: Option<RecordNumber>,
}

pub(crate) async fn events(
    State(app): State<App>,
    viewer: Viewer,
    Parameters(since): Parameters<Since>,
    headers: HeaderMap,
) -> Result<Response, ProblemResponse> {
    // a reconnecting browser resumes at its position
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
