//! Routes for programs that authenticate in their own way, such as Slack: the handler gets the raw
//! request and answers it. A route without a handler answers 404.

use std::sync::Arc;

use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};

use crate::{App, problem::ProblemResponse};

/// What a door answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookAnswer {
    /// HTTP status.
    pub status: u16,
    /// JSON body; empty = no body.
    pub body: String,
}

/// Whoever stands behind a door. Must answer quickly and do slow work afterwards.
#[async_trait]
pub trait Hook: Send + Sync {
    /// Answers one call. `body` is as it came, before any decoding: signatures cover it.
    async fn call(&self, headers: &HeaderMap, body: Bytes) -> HookAnswer;
}

/// `POST /slack/interactions` and `POST /slack/commands` are one door (`access.md` §11.1).
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
    // a caller that gives up must not stop what was begun
    let answer = tokio::spawn(async move { hook.call(&headers, body).await })
        .await
        .map_err(|error| ProblemResponse::unavailable(&error))?;
    Ok(answer.into_response())
}

impl IntoResponse for HookAnswer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if self.body.is_empty() {
            return status.into_response();
        }
        let kind = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
        (status, kind, self.body).into_response()
    }
}

/// Whoever stands behind the Slack door, if anybody.
pub type SlackDoor = Option<Arc<dyn Hook>>;
