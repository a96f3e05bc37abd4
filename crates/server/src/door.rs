//! Whoever stands behind a route of a program that authenticates in its own way.

use std::sync::Arc;

use async_trait::async_trait;
use axum::{
    body::Bytes,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

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
