//! Calls to the provider: bounded in time and size, never redirected.

use std::time::Duration;

use futures_util::future::BoxFuture;
use hallpass_model::with_causes;
use openidconnect::{
    HttpRequest, HttpResponse, IssuerUrl, JsonWebKeySetUrl, ProviderMetadataWithLogout,
    core::CoreJsonWebKeySet,
};
use reqwest::Url;

/// How long one call to the provider may take.
const CALL_TIME_MAX: Duration = Duration::from_secs(8);
/// The longest answer read, in bytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// A call to the provider that brought nothing.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct CallFault(pub(super) String);

/// A client for a provider: over TLS only, unless it is on this machine.
///
/// # Errors
/// When none can be made.
pub(super) fn client(is_https: bool, near: bool) -> Result<reqwest::Client, String> {
    let mut builder = reqwest::Client::builder()
        .timeout(CALL_TIME_MAX)
        .https_only(is_https)
        // a redirect would choose for us whom to believe
        .redirect(reqwest::redirect::Policy::none());
    if near {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| error.to_string())
}

// boxed, because futures that borrow their HTTP client are not seen to be `Send` in handlers

pub(super) fn discover(
    http: reqwest::Client,
    issuer: IssuerUrl,
) -> BoxFuture<'static, Result<ProviderMetadataWithLogout, String>> {
    Box::pin(async move {
        let call = |request| send(http.clone(), request);
        let metadata = ProviderMetadataWithLogout::discover_async(issuer, &call);
        metadata.await.map_err(|error| with_causes(&error))
    })
}

pub(super) fn fetch_keys(
    http: reqwest::Client,
    url: JsonWebKeySetUrl,
) -> BoxFuture<'static, Result<CoreJsonWebKeySet, String>> {
    Box::pin(async move {
        let call = |request| send(http.clone(), request);
        let keys = CoreJsonWebKeySet::fetch_async(&url, &call);
        keys.await.map_err(|error| with_causes(&error))
    })
}

/// A call of `openidconnect`, over our client.
async fn send(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, CallFault> {
    let (parts, body) = request.into_parts();
    let url: Url = parts
        .uri
        .to_string()
        .parse()
        .map_err(|_| CallFault(format!("`{}` is not an address", parts.uri)))?;
    let call = http.request(parts.method, url);
    let (status, bytes) = answer(call.headers(parts.headers).body(body)).await?;
    let mut answer = HttpResponse::new(bytes);
    *answer.status_mut() = status;
    // whatever it calls itself, it must parse as JSON
    answer.headers_mut().insert(
        axum::http::header::CONTENT_TYPE,
        axum::http::HeaderValue::from_static("application/json"),
    );
    Ok(answer)
}

/// The status and the body of an answer.
///
/// # Errors
/// When there is none, or it is too long.
pub(super) async fn answer(
    request: reqwest::RequestBuilder,
) -> Result<(reqwest::StatusCode, Vec<u8>), CallFault> {
    let fault = |error: reqwest::Error| CallFault(with_causes(&error.without_url()));
    let mut answer = request.send().await.map_err(fault)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(fault)? {
        if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(CallFault("its answer is too long".to_owned()));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok((answer.status(), bytes))
}
