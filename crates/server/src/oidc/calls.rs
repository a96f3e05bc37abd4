use std::time::Duration;

use hallpass_base::{text::line, with_causes};
use openidconnect::core::CoreJsonWebKeySet;
use reqwest::Url;
use serde_json::Value;

use super::claims::{self, Claims};

const CALL_TIME_MAX: Duration = Duration::from_secs(8);
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Below the issuer (OpenID Connect Discovery 1.0, 4).
const DISCOVERY_PATH: &str = ".well-known/openid-configuration";

#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum CallFault {
    #[error("{0}")]
    NoAnswer(String),
    #[error("{0}")]
    Unusable(String),
}

/// The used members of the discovery document; others may have any form.
#[derive(Clone, Debug)]
pub(super) struct Discovery {
    pub(super) authorization_endpoint: Url,
    pub(super) token_endpoint: Url,
    pub(super) jwks_uri: Url,
    pub(super) userinfo_endpoint: Option<Url>,
    pub(super) end_session_endpoint: Option<Url>,
    /// Whether the provider accepts the client secret only in the form. Without a list it accepts
    /// the header (OpenID Connect Discovery 1.0, 3).
    pub(super) takes_secret_in_form_only: bool,
}

impl Discovery {
    pub(super) fn read(bytes: &[u8], issuer: &str) -> Result<Self, String> {
        let document: Claims = serde_json::from_slice(bytes)
            .map_err(|_| "its discovery document is not a JSON object".to_owned())?;
        let found = claims::text(&document, "issuer");
        let found = found.ok_or("its discovery document lacks `issuer`")?;
        if found != issuer {
            let found = line(found, 300);
            return Err(format!(
                "its discovery document names the issuer `{found}`; write `oidc.issuer` like that, it is `{issuer}`"
            ));
        }
        let needed = |name| {
            let address = address(&document, name)?;
            address.ok_or_else(|| format!("its discovery document lacks `{name}`"))
        };
        let methods = document.get("token_endpoint_auth_methods_supported");
        let methods = methods.and_then(Value::as_array);
        let has = |name: &str| methods.is_some_and(|all| all.iter().any(|it| it == name));
        Ok(Self {
            authorization_endpoint: needed("authorization_endpoint")?,
            token_endpoint: needed("token_endpoint")?,
            jwks_uri: needed("jwks_uri")?,
            userinfo_endpoint: address(&document, "userinfo_endpoint")?,
            end_session_endpoint: address(&document, "end_session_endpoint")?,
            takes_secret_in_form_only: has("client_secret_post") && !has("client_secret_basic"),
        })
    }
}

fn address(document: &Claims, name: &str) -> Result<Option<Url>, String> {
    let text = match document.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value.as_str(),
    };
    if text == Some("") {
        return Ok(None);
    }
    let url = text.and_then(|text| text.parse::<Url>().ok());
    url.filter(|url| matches!(url.scheme(), "https" | "http"))
        .map(Some)
        .ok_or_else(|| format!("`{name}` of its discovery document is not an HTTPS address"))
}

/// Creates a client: TLS only, unless the provider is local.
pub(super) fn client(is_https: bool, near: bool) -> Result<reqwest::Client, String> {
    let mut builder = reqwest::Client::builder()
        .timeout(CALL_TIME_MAX)
        .https_only(is_https)
        // a redirect would decide which host to trust
        .redirect(reqwest::redirect::Policy::none());
    if near {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| error.to_string())
}

pub(super) async fn discover(http: &reqwest::Client, issuer: &str) -> Result<Discovery, CallFault> {
    let slash = if issuer.ends_with('/') { "" } else { "/" };
    let place = format!("{issuer}{slash}{DISCOVERY_PATH}");
    let bytes = document(http.get(&place), &place).await?;
    Discovery::read(&bytes, issuer).map_err(CallFault::Unusable)
}

pub(super) async fn fetch_keys(
    http: &reqwest::Client,
    url: &Url,
) -> Result<CoreJsonWebKeySet, CallFault> {
    let bytes = document(http.get(url.clone()), url.as_str()).await?;
    let keys: Option<CoreJsonWebKeySet> = serde_json::from_slice(&bytes).ok();
    let keys = keys.filter(|keys| !keys.keys().is_empty());
    keys.ok_or_else(|| {
        CallFault::Unusable(format!("its keys at `{url}` hold none that can be used"))
    })
}

async fn document(request: reqwest::RequestBuilder, place: &str) -> Result<Vec<u8>, CallFault> {
    let (status, bytes) = answer(request.header("accept", "application/json")).await?;
    match status {
        status if status.is_success() => Ok(bytes),
        status if status.is_server_error() || status == reqwest::StatusCode::TOO_MANY_REQUESTS => {
            Err(CallFault::NoAnswer(format!("`{place}` answered {status}")))
        }
        status => Err(CallFault::Unusable(format!(
            "`{place}` answered {status}: look at `oidc.issuer`"
        ))),
    }
}

pub(super) async fn answer(
    request: reqwest::RequestBuilder,
) -> Result<(reqwest::StatusCode, Vec<u8>), CallFault> {
    let fault = |error: reqwest::Error| CallFault::NoAnswer(with_causes(&error.without_url()));
    let mut answer = request.send().await.map_err(fault)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(fault)? {
        if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(CallFault::Unusable("its answer is too long".to_owned()));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok((answer.status(), bytes))
}
