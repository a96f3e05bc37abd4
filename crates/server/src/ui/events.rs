//! What happens, for open pages: one stream of everything their viewer may see, without words of
//! people. Pages fetch what changed by themselves, so rights are checked again.

use axum::{extract::State, http::HeaderMap, response::Response};

use super::shell::Viewer;
use crate::{App, api::records, auth::Credential, body::last_event, problem::ProblemResponse};

pub(crate) async fn events(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response, ProblemResponse> {
    let resumed = last_event(&headers);
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
