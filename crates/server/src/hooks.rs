//! Routes of channels, with their own authentication: the hook gets the raw request. 404 without a
//! hook.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::HeaderMap,
    response::{IntoResponse, Response},
    routing::post,
};
use tracing::Instrument as _;

use crate::{App, ChannelWebhook, Hook, problem::ProblemResponse};

pub(crate) fn router(webhooks: &[ChannelWebhook]) -> Router<App> {
    let mut router = Router::new();
    for webhook in webhooks {
        for path in webhook.paths {
            let hook = webhook.hook.clone();
            let answer = move |headers, body| call(hook.clone(), headers, body);
            router = router.route(path, post(answer));
        }
    }
    router
}

async fn call(
    hook: Option<Arc<dyn Hook>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ProblemResponse> {
    let hook = hook.ok_or_else(|| ProblemResponse::not_found("page"))?;
    let body = crate::body::bytes(body, crate::BODY_BYTES_MAX).await?;
    // a disconnected client must not cancel started work
    let call = async move { hook.call(&headers, body).await };
    let answer = tokio::spawn(call.in_current_span())
        .await
        .map_err(|error| ProblemResponse::unavailable(&error))?;
    Ok(answer.into_response())
}
