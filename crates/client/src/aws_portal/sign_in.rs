//! Sign-in to the access portal, as `aws sso login`: in the local browser (authorization code with
//! a proof key, RFC 7636) or with a code in any browser (RFC 8628).

use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hallpass_base::{TimeSpan, Timestamp};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::token::KeptSecret;
use super::{AccessPortal, CallError, SsoToken, below};
use crate::browser::{Callback, open, secret};

const SCOPE: &str = "sso:account:access";
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const AUTHORIZATION_CODE: &str = "authorization_code";
const REFRESH_TOKEN: &str = "refresh_token";
const CALLBACK: &str = "/oauth/callback";
const PATIENCE: Duration = Duration::from_mins(10);
/// Default poll interval, and the increase by `slow_down` (RFC 8628 §3.5).
const PAUSE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInWay {
    Browser,
    Device,
}

#[derive(Deserialize)]
struct PortalClient {
    #[serde(rename = "clientId")]
    id: String,
    #[serde(rename = "clientSecret")]
    secret: SecretString,
    /// In seconds since 1970.
    #[serde(rename = "clientSecretExpiresAt")]
    expires_at: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeviceStarted {
    device_code: SecretString,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: u64,
    interval: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tokens {
    access_token: SecretString,
    expires_in: u64,
    refresh_token: Option<SecretString>,
}

impl AccessPortal {
    pub async fn sign_in(&self, way: SignInWay) -> Result<SsoToken, Failure> {
        let token = match way {
            SignInWay::Browser => self.in_browser().await?,
            SignInWay::Device => self.with_code().await?,
        };
        self.keep(&token)?;
        Ok(token)
    }

    pub(super) async fn renewed(&self, token: &SsoToken) -> Result<SsoToken, CallError> {
        let none = || {
            CallError::Refused(super::PortalRefusal {
                status: reqwest::StatusCode::BAD_REQUEST,
                code: "invalid_grant".to_owned(),
                text: String::new(),
            })
        };
        let refresh = token.refresh_token.as_ref().ok_or_else(none)?;
        let client = PortalClient {
            id: token.client_id.clone().ok_or_else(none)?,
            secret: token.client_secret.as_ref().ok_or_else(none)?.0.clone(),
            expires_at: token
                .registration_expires_at
                .filter(|at| *at > hallpass_base::clock::now())
                .ok_or_else(none)?
                .as_second(),
        };
        let more = json!({ "grantType": REFRESH_TOKEN, "refreshToken": refresh.0.expose_secret() });
        let mut renewed = self.token_of(&client, more).await?;
        // without a new refresh token the old one stays valid
        renewed.refresh_token = renewed
            .refresh_token
            .or_else(|| token.refresh_token.clone());
        self.keep(&renewed).map_err(CallError::Failed)?;
        Ok(renewed)
    }

    async fn in_browser(&self) -> Result<SsoToken, Failure> {
        let callback = Callback::listen(CALLBACK).await?;
        let (verifier, state) = (secret()?, secret()?);
        let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
        let client = self
            .register(json!({
                "grantTypes": [AUTHORIZATION_CODE, REFRESH_TOKEN],
                "redirectUris": [format!("http://127.0.0.1{CALLBACK}")],
                "issuerUrl": self.start_url(),
            }))
            .await?;
        let redirect = format!("http://127.0.0.1:{}{CALLBACK}", callback.port());
        let mut page = below(&self.oidc, &["authorize"])?;
        page.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &client.id)
            .append_pair("redirect_uri", &redirect)
            .append_pair("state", &state)
            .append_pair("code_challenge_method", "S256")
            .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(hash))
            .append_pair("scopes", SCOPE);
        let asked = if open(page.as_str()) {
            "Sign in to AWS in your browser. If it did not open, go to"
        } else {
            "Sign in to AWS: open this in a browser on this machine"
        };
        output::say(&format!(
            "{asked}\n\n  {page}\n\nOn a machine without a browser use `--device`."
        ));
        let code = tokio::time::timeout(PATIENCE, callback.answer(&state))
            .await
            .map_err(|_| nobody())??;
        let more = json!({
            "grantType": AUTHORIZATION_CODE, "code": code, "codeVerifier": verifier,
            "redirectUri": redirect,
        });
        Ok(self.token_of(&client, more).await?)
    }

    async fn with_code(&self) -> Result<SsoToken, Failure> {
        let client = self
            .register(json!({ "grantTypes": [DEVICE_CODE, REFRESH_TOKEN] }))
            .await?;
        let started: DeviceStarted = self
            .oidc(
                &["device_authorization"],
                &json!({
                    "clientId": client.id,
                    "clientSecret": client.secret.expose_secret(),
                    "startUrl": self.start_url(),
                }),
            )
            .await?;
        let page = started
            .verification_uri_complete
            .as_ref()
            .unwrap_or(&started.verification_uri);
        output::say(&format!(
            "Sign in to AWS: open this in any browser; it must show the code.\n\n  {}\n  {}\n",
            output::plain(page),
            output::plain(&started.user_code)
        ));
        let mut pause = started.interval.map_or(PAUSE, Duration::from_secs);
        let until = Instant::now() + Duration::from_secs(started.expires_in).min(PATIENCE);
        loop {
            tokio::time::sleep(pause).await;
            let more = json!({
                "grantType": DEVICE_CODE, "deviceCode": started.device_code.expose_secret(),
            });
            let refusal = match self.token_of(&client, more).await {
                Err(CallError::Refused(refusal)) => refusal,
                other => return Ok(other?),
            };
            match refusal.code.as_str() {
                "authorization_pending" => {}
                "slow_down" => pause += PAUSE,
                "expired_token" => return Err(nobody()),
                "access_denied" => {
                    let message = "the sign-in to AWS was refused in the browser";
                    return Err(Failure::failed(message).code("portal"));
                }
                _ => return Err(CallError::Refused(refusal).into()),
            }
            if Instant::now() > until {
                return Err(nobody());
            }
        }
    }

    async fn register(&self, mut wish: Value) -> Result<PortalClient, Failure> {
        with(&mut wish, "clientName", "hallpass");
        with(&mut wish, "clientType", "public");
        if let Some(wish) = wish.as_object_mut() {
            wish.insert("scopes".to_owned(), json!([SCOPE]));
        }
        Ok(self.oidc(&["client", "register"], &wish).await?)
    }

    async fn token_of(
        &self,
        client: &PortalClient,
        mut wish: Value,
    ) -> Result<SsoToken, CallError> {
        with(&mut wish, "clientId", &client.id);
        with(&mut wish, "clientSecret", client.secret.expose_secret());
        let tokens: Tokens = self.oidc(&["token"], &wish).await?;
        let registered = Timestamp::from_second(client.expires_at).ok();
        Ok(SsoToken {
            start_url: self.start_url().to_owned(),
            region: self.region().to_owned(),
            access_token: KeptSecret(tokens.access_token),
            expires_at: whole(
                TimeSpan::seconds(tokens.expires_in).after(hallpass_base::clock::now()),
            ),
            refresh_token: tokens.refresh_token.map(KeptSecret),
            client_id: Some(client.id.clone()),
            client_secret: Some(KeptSecret(client.secret.clone())),
            registration_expires_at: registered,
        })
    }
}

fn with(wish: &mut Value, name: &str, value: &str) {
    if let Some(wish) = wish.as_object_mut() {
        wish.insert(name.to_owned(), value.into());
    }
}

/// Whole seconds, because some readers of the cache accept no fractions.
fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

fn nobody() -> Failure {
    Failure::failed("no one signed in to AWS in time")
        .code("timeout")
        .help("run it again; `hallpass aws login` signs in first")
}
