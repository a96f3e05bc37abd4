//! HTTP client for the OTLP library.

use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use reqwest::redirect::Policy;

const ANSWER_BYTES_MAX: usize = 64 * 1024;

#[derive(Debug)]
pub(crate) struct CollectorClient(reqwest::Client);

impl CollectorClient {
    /// Makes a client with this timeout, and the certificate checks of all Hallpass calls.
    pub(crate) fn new(answer_max: Duration) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(answer_max)
            // headers hold tokens for this host only
            .redirect(Policy::none())
            .build()?;
        Ok(Self(client))
    }
}

#[async_trait]
impl HttpClient for CollectorClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut answer = self.0.execute(request.try_into()?).await?;
        let mut response = Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            headers.extend(answer.headers().clone());
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err("the answer is too long".into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(response.body(body.into())?)
    }
}
