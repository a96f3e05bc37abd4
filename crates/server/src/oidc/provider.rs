//! The provider: its discovery document and keys as they were last read, the way to it, and what
//! comes back from it.

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

/// Discovery document and keys are read again after this.
const FRESH: TimeSpan = TimeSpan::hours(1);
/// They are believed this long when the provider does not answer.
const USABLE: TimeSpan = TimeSpan::hours(24);
/// A provider that did not answer is not asked again before this.
const ASK_AGAIN: TimeSpan = TimeSpan::seconds(5);
/// Keys are fetched out of turn, for a token that names an unknown one, at most this often.
const KEYS_AGAIN: TimeSpan = TimeSpan::seconds(30);

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignInFault {
    /// The provider cannot be asked.
    #[error("the sign-in provider does not answer as it should: {0}")]
    Down(String),
    /// It answers, and an administrator has to change its settings or ours.
    #[error("the sign-in provider cannot be used: {0}")]
    Unusable(String),
    /// It would not have the code.
    #[error("the sign-in provider refused the code: {0}")]
    CodeRefused(String),
    /// Its token does not prove anything.
    #[error("the ID token does not count: {0}")]
    Token(String),
    /// No address to find the person by.
    #[error("{0}")]
    NoEmail(String),
    /// It does not vouch for the address.
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

/// Who somebody is at the provider.
#[derive(Clone, Debug)]
pub(crate) struct Proven {
    pub(crate) email: Email,
    pub(crate) subject: String,
    /// The provider's session.
    pub(crate) sid: Option<String>,
    /// The ID token, which the provider wants to see again at logout.
    pub(crate) id_token: String,
    /// When they signed in there, if it says so (`auth_time`).
    pub(crate) auth_time: Option<Timestamp>,
    /// In which way, if it says so (`acr`).
    pub(crate) acr: Option<String>,
}

/// What a provider says of itself and of us.
#[derive(Clone, Debug)]
pub struct ProviderCheck {
    /// How many keys it signs with, or did.
    pub keys: usize,
    /// How it refused us, if it did.
    pub refused: Option<String>,
}

/// What a logout token is about.
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

/// The identity provider that people sign in at.
pub struct Provider {
    settings: OidcSettings,
    http: reqwest::Client,
    cache: Mutex<Cache>,
}

impl Provider {
    /// A provider as configured. It is not asked anything yet.
    ///
    /// # Errors
    /// When the issuer is no address, or no HTTP client can be made.
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

    /// How it is configured.
    pub fn settings(&self) -> &OidcSettings {
        &self.settings
    }

    /// Asks the provider now what it says of itself and of us.
    ///
    /// # Errors
    /// What is wrong with its answers, or that there are none.
    pub async fn check(&self, now: Timestamp) -> Result<ProviderCheck, String> {
        let known = self.read(now).await.map_err(|fault| fault.to_string())?;
        let keys = known.keys.keys().len();
        // a sign-in that nobody finishes: providers refuse unknown clients and addresses at once
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

    /// What is known of the provider, read again when it is old.
    async fn known(&self, now: Timestamp) -> Result<Arc<ProviderDocuments>, SignInFault> {
        // held while reading: everybody else wants the same answer
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

    /// The keys as they are now, unless they were just fetched out of turn.
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

    /// Where a browser goes to sign in.
    ///
    /// # Errors
    /// When the provider is down.
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
            // with `max_age` it also has to say when they signed in (OpenID Connect Core, 3.1.2.1)
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

    /// Redeems a code and says who came back.
    ///
    /// # Errors
    /// Each is a reason to sign nobody in.
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
            .ok_or_else(|| SignInFault::Token("there is none".to_owned()))?;
        let mut claimed = self.verified(&known, id_token, &waiting.nonce, now).await?;
        let subject = claims::text(&claimed, "sub").unwrap_or_default().to_owned();
        let sid = claims::text(&claimed, "sid").map(str::to_owned);
        let acr = claims::text(&claimed, "acr").map(str::to_owned);
        let auth_time = claims::instant(&claimed, "auth_time");
        if !self.is_complete(&claimed) {
            // some providers keep ID tokens small and say the rest when asked
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

    /// Whether claims have an address, and say whether it is verified where that is required.
    fn is_complete(&self, claims: &Claims) -> bool {
        let has = |name: &str| claims.get(name).is_some_and(|value| !value.is_null());
        has(&self.settings.email_claim)
            && (!self.settings.require_verified_email || has("email_verified"))
    }

    /// The claims of an ID token that is not complete, with those of userinfo about the same
    /// person. Where userinfo has both the address and whether it is verified, both are from there.
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
            // Azure AD B2C sends a list in its place
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

    /// The claims of an ID token that counts.
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
            // what the ID token lacks is then named
            tracing::warn!(%status, "the sign-in provider's userinfo endpoint refused the access token");
            return Ok(Claims::new());
        }
        if !status.is_success() {
            let why = format!("its userinfo endpoint answered {status}");
            return Err(SignInFault::Down(why));
        }
        // a signed answer (`application/jwt`) is not read
        let said: Claims = serde_json::from_slice(&bytes).map_err(|_| {
            SignInFault::Unusable("its userinfo endpoint did not answer with JSON".to_owned())
        })?;
        // OpenID Connect Core 5.3.2: else another person's answer could be slipped in
        if claims::text(&said, "sub") != Some(subject) {
            return Err(SignInFault::Token("userinfo is about another".to_owned()));
        }
        Ok(said)
    }

    /// What a logout token says, if it is the provider's.
    ///
    /// # Errors
    /// Why it does not count.
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

    /// Where a browser goes to sign out at the provider as well, if that has such a place.
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
