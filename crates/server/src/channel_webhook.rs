//! Endpoints of programs with their own authentication.

use std::sync::Arc;

use async_trait::async_trait;
use axum::{
    body::Bytes,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookAnswer {
    pub status: u16,
    pub body: String,
}

/// Must authenticate before parsing, answer quickly and do slow work afterwards.
#[async_trait]
pub trait Hook: Send + Sync {
    /// `body` is undecoded, because signatures cover it.
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

/// Paths of one channel. Exempt from rate limits, because its hook authenticates first.
#[derive(Clone)]
pub struct ChannelWebhook {
    pub paths: &'static [&'static str],
    /// None if the channel is not configured.
    pub hook: Option<Arc<dyn Hook>>,
}
