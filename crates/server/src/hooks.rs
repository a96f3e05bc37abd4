//! Routes with their own authentication, such as Slack: the handler gets the raw request. 404
//! without a handler.

use axum::{
    Router,
    body::Body,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
    routing::post,
};
use tracing::Instrument as _;

use crate::{App, problem::ProblemResponse};

/// `POST /slack/interactions` and `POST /slack/commands` share one handler (`access.md` §11.1).
pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/slack/interactions", post(slack))
        .route("/slack/commands", post(slack))
}

async fn slack(
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ProblemResponse> {
    let hook = app
        .slack
        .clone()
        .ok_or_else(|| ProblemResponse::not_found("page"))?;
    let body = crate::body::bytes(body, crate::BODY_BYTES_MAX).await?;
    // a disconnected client must not cancel started work
    let call = async move { hook.call(&headers, body).await };
    let answer = tokio::spawn(call.in_current_span())
        .await
        .map_err(|error| ProblemResponse::unavailable(&error))?;
    Ok(answer.into_response())
}
