//! Parses request bodies, queries and idempotency keys strictly, with explanatory errors.

use std::str::FromStr;
use std::time::Duration;

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Query, Request, rejection::JsonRejection},
    http::{HeaderMap, StatusCode, request::Parts},
};
use hallpass_access::Idempotency;
use hallpass_access::identity::hash_secret;
use hallpass_audit::SEQ_MAX;
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned, de::Error as _};

use crate::{App, problem::ProblemResponse};

const BODY_TIME_MAX: Duration = Duration::from_secs(10);

pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Path<T> {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        match axum::extract::Path::<T>::from_request_parts(parts, app).await {
            Ok(axum::extract::Path(part)) => Ok(Self(part)),
            Err(rejection) => Err(ProblemResponse::bad("bad-path", rejection.body_text())),
        }
    }
}

fn too_slow() -> ProblemResponse {
    ProblemResponse::new(
        StatusCode::REQUEST_TIMEOUT,
        "body-too-slow",
        format!("the body took longer than {} s", BODY_TIME_MAX.as_secs()),
    )
}

/// Reads a body within the time and size limits.
pub(crate) async fn bytes(body: axum::body::Body, max: usize) -> Result<Bytes, ProblemResponse> {
    let read = tokio::time::timeout(BODY_TIME_MAX, axum::body::to_bytes(body, max));
    read.await.map_err(|_| too_slow())?.map_err(|_| {
        let what = "the body is too large, or broke off";
        ProblemResponse::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", what)
    })
}

pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = ProblemResponse;

    async fn from_request(request: Request, app: &App) -> Result<Self, Self::Rejection> {
        let read = tokio::time::timeout(BODY_TIME_MAX, Json::<T>::from_request(request, app));
        match read.await.map_err(|_| too_slow())? {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(refusal(&rejection)),
        }
    }
}

fn refusal(rejection: &JsonRejection) -> ProblemResponse {
    let status = rejection.status();
    let code = match status {
        StatusCode::PAYLOAD_TOO_LARGE => "body-too-large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "not-json",
        _ => "bad-body",
    };
    // valid JSON of the wrong shape is a 400 too (`access.md` §12)
    let status = if status == StatusCode::UNPROCESSABLE_ENTITY {
        StatusCode::BAD_REQUEST
    } else {
        status
    };
    ProblemResponse::new(status, code, rejection.body_text())
}

pub(crate) struct OptionalBody<T>(pub(crate) T);

impl<T: DeserializeOwned + Default> FromRequest<App> for OptionalBody<T> {
    type Rejection = ProblemResponse;

    async fn from_request(request: Request, app: &App) -> Result<Self, Self::Rejection> {
        let (parts, body) = request.into_parts();
        let bytes = bytes(body, crate::BODY_BYTES_MAX).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        let request = Request::from_parts(parts, bytes.into());
        Body::from_request(request, app)
            .await
            .map(|Body(body)| Self(body))
    }
}

pub(crate) struct Parameters<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Parameters<T> {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        match Query::<T>::from_request_parts(parts, app).await {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(rejection) => Err(ProblemResponse::bad("bad-parameter", rejection.body_text())),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordNumber(u64);

impl RecordNumber {
    pub(crate) fn get(self) -> u64 {
        self.0
    }
}

impl FromStr for RecordNumber {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.parse::<u64>().ok();
        number
            .filter(|number| *number <= SEQ_MAX)
            .map(Self)
            .ok_or_else(|| format!("a record's number is 0 to {SEQ_MAX}"))
    }
}

impl<'de> Deserialize<'de> for RecordNumber {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// Parses `Last-Event-ID`; invalid values are ignored, so the stream starts now.
pub(crate) fn last_event(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get("last-event-id")?.to_str().ok()?;
    text.parse().ok().map(RecordNumber::get)
}

const KEY_CHARACTERS_MAX: usize = 200;

pub(crate) struct KeyOf {
    key: Option<String>,
    path: String,
}

impl FromRequestParts<App> for KeyOf {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Self::Rejection> {
        let path = parts.uri.path().to_owned();
        let Some(value) = parts.headers.get("idempotency-key") else {
            return Ok(Self { key: None, path });
        };
        match value.to_str() {
            Ok(key) if !key.is_empty() && key.len() <= KEY_CHARACTERS_MAX => Ok(Self {
                key: Some(key.to_owned()),
                path,
            }),
            _ => Err(ProblemResponse::bad(
                "bad-idempotency-key",
                format!("an Idempotency-Key has 1 to {KEY_CHARACTERS_MAX} visible characters"),
            )),
        }
    }
}

impl KeyOf {
    pub(crate) fn with(self, body: &impl Serialize) -> Option<Idempotency> {
        let text = serde_json::to_string(body).unwrap_or_default();
        let path = self.path;
        self.key.map(|key| Idempotency {
            key,
            fingerprint: hash_secret(&format!("{path}\n{text}")),
        })
    }
}
