//! The identity provider: cached discovery document and keys, redirects and callbacks.

use std::sync::Arc;

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hallpass_base::{Email, TimeSpan, Timestamp, text::line};
use openidconnect::core::CoreJsonWebKeySet;
use reqwest::Url;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tokio::sync::Mutex;

use super::OidcSettings;
use super::calls::{self, CallFault, Discovery, answer, discover, fetch_keys};
use super::claims::{self, Claims, TokenFault};
use super::pending::{Again, PendingSignIn};

const FRESH: TimeSpan = TimeSpan::hours(1);
const USABLE: TimeSpan = TimeSpan::hours(24);
const ASK_AGAIN: TimeSpan = TimeSpan::seconds(5);
/// Minimum interval of key fetches for unknown key ids.
const KEYS_AGAIN: TimeSpan = TimeSpan::seconds(30);

#[derive(Debug, thiserror::Error)]
pub(crate) enum SignInFault {
    #[error("the sign-in provider does not answer as it should: {0}")]
    Down(String),
    /// Settings here or there must change.
    #[error("the sign-in provider cannot be used: {0}")]
    Unusable(String),
    #[error("the sign-in provider refused the code: {0}")]
    CodeRefused(String),
    #[error("the ID token does not count: {0}")]
    Token(String),
    #[error("{0}")]
    NoEmail(String),
    /// The provider does not vouch for the address.
    #[error("the provider has not verified the e-mail")]
    Unverified,
}

impl From<CallFault> for SignInFault {
    fn from(fault: CallFault) -> Self {
        match fault {
            CallFault::NoAnswer(why) => Self::Down(why),
            CallFault::Unusable(why) => Self::Unusable(why),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Proven {
    pub(crate) email: Email,
    pub(crate) subject: String,
    pub(crate) sid: Option<String>,
    pub(crate) id_token: String,
    pub(crate) auth_time: Option<Timestamp>,
    pub(crate) acr: Option<String>,
}

#[derive(Clone, Debug)]
pub struct ProviderCheck {
    pub keys: usize,
    pub refused: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct LoggedOut {
    pub(crate) subject: Option<String>,
    pub(crate) sid: Option<String>,
}

struct ProviderDocuments {
    discovery: Discovery,
    keys: CoreJsonWebKeySet,
    read_at: Timestamp,
}

#[derive(Default)]
struct Cache {
    known: Option<Arc<ProviderDocuments>>,
    failed_at: Option<(Timestamp, CallFault)>,
    keys_at: Option<Timestamp>,
}

pub struct Provider {
    settings: OidcSettings,
    http: reqwest::Client,
    cache: Mutex<Cache>,
}

impl Provider {
    /// Does not contact the provider.
    ///
    /// # Errors
    /// Invalid issuer URL, or no HTTP client.
    pub fn new(settings: OidcSettings) -> Result<Self, String> {
        let issuer: Url = settings
            .issuer
            .parse()
            .map_err(|_| format!("`{}` is not an address", settings.issuer))?;
        let host = issuer.host_str().unwrap_or_default();
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        let near = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
        let is_https = issuer.scheme() == "https";
        let is_test = near && issuer.scheme() == "http";
        if !is_https && !is_test {
            return Err(format!("`{}` is not https", settings.issuer));
        }
        let http = calls::client(is_https, near)?;
        Ok(Self {
            settings,
            http,
            cache: Mutex::default(),
        })
    }

    pub fn settings(&self) -> &OidcSettings {
        &self.settings
    }

    pub async fn check(&self, now: Timestamp) -> Result<ProviderCheck, String> {
        let known = self.read(now).await.map_err(|fault| fault.to_string())?;
        let keys = known.keys.keys().len();
        let waiting = PendingSignIn::rehearsal();
        let way = self.authorization(&known, "check", &waiting);
        let (status, _) = answer(self.http.get(way))
            .await
            .map_err(|fault| fault.to_string())?;
        let refused = (status.is_client_error()).then(|| status.to_string());
        Ok(ProviderCheck { keys, refused })
    }

    async fn read(&self, now: Timestamp) -> Result<ProviderDocuments, CallFault> {
        let discovery = discover(&self.http, &self.settings.issuer).await?;
        let keys = fetch_keys(&self.http, &discovery.jwks_uri).await?;
        Ok(ProviderDocuments {
            discovery,
            keys,
            read_at: now,
        })
    }

    async fn known(&self, now: Timestamp) -> Result<Arc<ProviderDocuments>, SignInFault> {
        // held while reading: concurrent callers share the answer
        let mut cache = self.cache.lock().await;
        let known = cache.known.clone();
        let is_within =
            |span: TimeSpan, known: &Arc<ProviderDocuments>| span.covers(known.read_at, now);
        if let Some(known) = known.clone().filter(|known| is_within(FRESH, known)) {
            return Ok(known);
        }
        let usable = known.filter(|known| is_within(USABLE, known));
        if let Some((_, why)) = cache
            .failed_at
            .as_ref()
            .filter(|(at, _)| ASK_AGAIN.covers(*at, now))
        {
            return usable.ok_or_else(|| why.clone().into());
        }
        match self.read(now).await {
            Ok(known) => {
                let known = Arc::new(known);
                cache.known = Some(Arc::clone(&known));
                cache.failed_at = None;
                Ok(known)
            }
            Err(why) => {
                tracing::warn!(error = %why, "the sign-in provider cannot be read");
                cache.failed_at = Some((now, why.clone()));
                usable.ok_or_else(|| why.into())
            }
        }
    }

    /// Refetches the keys, unless just done.
    async fn newer_keys(&self, now: Timestamp) -> Option<Arc<ProviderDocuments>> {
        let mut cache = self.cache.lock().await;
        let known = cache.known.clone()?;
        if cache.keys_at.is_some_and(|at| KEYS_AGAIN.covers(at, now)) {
            return Some(known);
        }
        cache.keys_at = Some(now);
        let keys = match fetch_keys(&self.http, &known.discovery.jwks_uri).await {
            Ok(keys) => keys,
            Err(fault) => {
                tracing::warn!(error = %fault, "the sign-in provider's keys cannot be read again");
                return None;
            }
        };
        let newer = Arc::new(ProviderDocuments {
            discovery: known.discovery.clone(),
            keys,
            read_at: known.read_at,
        });
        cache.known = Some(Arc::clone(&newer));
        Some(newer)
    }

    pub(crate) async fn way_there(
        &self,
        state: &str,
        waiting: &PendingSignIn,
        now: Timestamp,
    ) -> Result<String, SignInFault> {
        let known = self.known(now).await?;
        Ok(self.authorization(&known, state, waiting).into())
    }

    fn authorization(
        &self,
        known: &ProviderDocuments,
        state: &str,
        waiting: &PendingSignIn,
    ) -> Url {
        let mut url = known.discovery.authorization_endpoint.clone();
        let hash = digest::digest(&digest::SHA256, waiting.verifier.as_bytes());
        let mut scopes = self.settings.scopes.clone();
        if !scopes.iter().any(|scope| scope == "openid") {
            scopes.insert(0, "openid".to_owned());
        }
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.settings.redirect_uri())
            .append_pair("scope", &scopes.join(" "))
            .append_pair("state", state)
            .append_pair("nonce", &waiting.nonce)
            .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(hash))
            .append_pair("code_challenge_method", "S256");
        if waiting.again != Again::AsKnown {
            // `max_age` makes the provider send the sign-in time (OpenID Connect Core, 3.1.2.1)
            url.query_pairs_mut()
                .append_pair("prompt", "login")
                .append_pair("max_age", "0");
        }
        if !waiting.acr.is_empty() {
            url.query_pairs_mut()
                .append_pair("acr_values", &waiting.acr);
        }
        url
    }

    pub(crate) async fn who(
        &self,
        code: &str,
        waiting: &PendingSignIn,
        now: Timestamp,
    ) -> Result<Proven, SignInFault> {
        let known = self.known(now).await?;
        let answer = self.redeem(&known, code, waiting).await?;
        let id_token = claims::text(&answer, "id_token")
            .filter(|token| token.len() <= claims::TOKEN_BYTES_MAX)
            .ok_or_else(|| SignInFault::Token("it is missing".to_owned()))?;
        let mut claimed = self.verified(&known, id_token, &waiting.nonce, now).await?;
        let subject = claims::text(&claimed, "sub").unwrap_or_default().to_owned();
        let sid = claims::text(&claimed, "sid").map(str::to_owned);
        let acr = claims::text(&claimed, "acr").map(str::to_owned);
        let auth_time = claims::instant(&claimed, "auth_time");
        if !self.is_complete(&claimed) {
            // some providers keep ID tokens small and need a userinfo call
            let more = self.more_about(&known, &answer, &subject).await?;
            claimed = self.merged(claimed, more);
        }
        Ok(Proven {
            email: self.email(&claimed)?,
            subject,
            sid,
            id_token: id_token.to_owned(),
            auth_time,
            acr,
        })
    }

    fn is_complete(&self, claims: &Claims) -> bool {
        let has = |name: &str| claims.get(name).is_some_and(|value| !value.is_null());
        has(&self.settings.email_claim)
            && (!self.settings.require_verified_email || has("email_verified"))
    }

    /// Merges ID token and userinfo claims of one subject. If userinfo has address and
    /// verification, both come from there.
    fn merged(&self, token: Claims, userinfo: Claims) -> Claims {
        let (mut first, second) = if self.is_complete(&userinfo) {
            (userinfo, token)
        } else {
            (token, userinfo)
        };
        first.retain(|_, value| !value.is_null());
        for (name, value) in second {
            first.entry(name).or_insert(value);
        }
        first
    }

    fn email(&self, claims: &Claims) -> Result<Email, SignInFault> {
        let claim = &self.settings.email_claim;
        let no_email = |found: &str| SignInFault::NoEmail(format!("the claim `{claim}` {found}"));
        let text = match claims.get(claim) {
            Some(Value::String(text)) => text,
            Some(Value::Array(_)) => {
                return Err(no_email("is a list, and one address is expected"));
            }
            Some(_) => return Err(no_email("is not text")),
            // Azure AD B2C sends a list instead
            None if claims.get("emails").is_some_and(Value::is_array) => {
                return Err(no_email(
                    "is missing, and the list `emails` is there: have the provider send one address as `email`",
                ));
            }
            None => return Err(no_email("is missing")),
        };
        let email = Email::new(text)
            .map_err(|_| no_email(&format!("is not an e-mail address: `{}`", line(text, 100))))?;
        if self.settings.require_verified_email && !claims::is_verified(claims) {
            return Err(SignInFault::Unverified);
        }
        Ok(email)
    }

    async fn redeem(
        &self,
        known: &ProviderDocuments,
        code: &str,
        waiting: &PendingSignIn,
    ) -> Result<Claims, SignInFault> {
        let redirect = self.settings.redirect_uri();
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &redirect),
            ("code_verifier", &waiting.verifier),
        ];
        let mut request = self.http.post(known.discovery.token_endpoint.clone());
        let id = &self.settings.client_id;
        match &self.settings.client_secret {
            None => form.push(("client_id", id)),
            Some(secret) if known.discovery.takes_secret_in_form_only => {
                form.push(("client_id", id));
                form.push(("client_secret", secret.expose_secret()));
            }
            Some(secret) => {
                // both are form-encoded first (RFC 6749, 2.3.1)
                let coded = |text: &str| {
                    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>()
                };
                request = request.basic_auth(coded(id), Some(coded(secret.expose_secret())));
            }
        }
        let body = serde_urlencoded::to_string(&form)
            .map_err(|error| SignInFault::Down(error.to_string()))?;
        let request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body(body);
        let (status, bytes) = answer(request).await?;
        let answer: Claims = serde_json::from_slice(&bytes)
            .map_err(|_| SignInFault::Down(format!("its token endpoint answered {status}")))?;
        if status.is_success() {
            return Ok(answer);
        }
        let why = claims::text(&answer, "error").unwrap_or("without a reason");
        if status.is_server_error() {
            return Err(SignInFault::Down(why.to_owned()));
        }
        Err(SignInFault::CodeRefused(why.to_owned()))
    }

    async fn verified(
        &self,
        known: &ProviderDocuments,
        token: &str,
        nonce: &str,
        now: Timestamp,
    ) -> Result<Claims, SignInFault> {
        let read = |keys| claims::id_token(token, keys, &self.settings, nonce, now);
        let claims = match read(&known.keys) {
            Err(TokenFault::UnknownKey) => match self.newer_keys(now).await {
                Some(newer) => read(&newer.keys),
                None => Err(TokenFault::UnknownKey),
            },
            outcome => outcome,
        };
        claims.map_err(|fault| SignInFault::Token(fault.to_string()))
    }

    async fn more_about(
        &self,
        known: &ProviderDocuments,
        redeemed: &Claims,
        subject: &str,
    ) -> Result<Claims, SignInFault> {
        let endpoint = known.discovery.userinfo_endpoint.clone();
        let token = claims::text(redeemed, "access_token");
        let (Some(url), Some(token)) = (endpoint, token) else {
            return Ok(Claims::new());
        };
        let request = self.http.get(url);
        let request = request
            .bearer_auth(token)
            .header("accept", "application/json");
        let (status, bytes) = answer(request).await?;
        if status.is_client_error() {
            tracing::warn!(%status, "the sign-in provider's userinfo endpoint refused the access token");
            return Ok(Claims::new());
        }
        if !status.is_success() {
            let why = format!("its userinfo endpoint answered {status}");
            return Err(SignInFault::Down(why));
        }
        // signed answers (`application/jwt`) are not supported
        let said: Claims = serde_json::from_slice(&bytes).map_err(|_| {
            SignInFault::Unusable("its userinfo endpoint did not answer with JSON".to_owned())
        })?;
        // OpenID Connect Core 5.3.2: prevents substituting another user's answer
        if claims::text(&said, "sub") != Some(subject) {
            return Err(SignInFault::Token("userinfo is about another".to_owned()));
        }
        Ok(said)
    }

    pub(crate) async fn logged_out(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<LoggedOut, SignInFault> {
        let known = self.known(now).await?;
        let said = match claims::logout(token, &known.keys, &self.settings, now) {
            Err(TokenFault::UnknownKey) => {
                let newer = self.newer_keys(now).await.unwrap_or(known);
                claims::logout(token, &newer.keys, &self.settings, now)
            }
            outcome => outcome,
        }
        .map_err(|why| SignInFault::Token(why.to_string()))?;
        let text = |name| claims::text(&said, name).map(str::to_owned);
        Ok(LoggedOut {
            subject: text("sub"),
            sid: text("sid"),
        })
    }

    pub(crate) async fn way_out(&self, id_token: Option<&str>, now: Timestamp) -> Option<String> {
        let known = self.known(now).await.ok()?;
        let mut url = known.discovery.end_session_endpoint.clone()?;
        let mut query = url.query_pairs_mut();
        query.append_pair("client_id", &self.settings.client_id);
        query.append_pair("post_logout_redirect_uri", &self.settings.after_sign_out());
        if let Some(token) = id_token {
            query.append_pair("id_token_hint", token);
        }
        drop(query);
        Some(url.into())
    }
}
