//! The command line's client of the server's HTTP API; turns problem details into failures.
//!
//! Every call is bounded in time and size. Writes have an `Idempotency-Key`, so a retry after a
//! lost answer has no second effect.

use std::error::Error as _;
use std::future::Future;
use std::time::Duration;

use hallpass_api::{Page, Problem, Warning};
use hallpass_aws::answer_body::{BodyFault, whole};
use hallpass_aws::portal_address::is_loopback;
use hallpass_terminal::exit::{Failure, UNREACHABLE};
use hallpass_terminal::output;
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, StatusCode, Url, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::credentials::Credentials;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const DEFAULT_SERVER: &str = "http://127.0.0.1:8080";
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;
const ATTEMPTS: u32 = 3;
/// The longest pause accepted from a server.
const PAUSE_MAX: Duration = Duration::from_secs(5);
const PAGE_SIZE: usize = 100;
/// Empty pages after which a listing stops.
const EMPTY_PAGES_MAX: u32 = 200;

/// Arguments that choose a server.
#[derive(Debug, clap::Args)]
pub struct ServerArgs {
    /// Address of the Hallpass server [default: that of the last `hallpass login`, else
    /// `http://127.0.0.1:8080`]
    #[arg(long, env = "HALLPASS_SERVER", value_name = "URL")]
    server: Option<String>,
}

impl ServerArgs {
    /// Returns the normalized server address.
    ///
    /// # Errors
    /// Exit 2 for an invalid address.
    pub fn address(&self) -> Result<Url, Failure> {
        let server = match &self.server {
            Some(server) => server.clone(),
            None => server_of_login()?.unwrap_or_else(|| DEFAULT_SERVER.to_owned()),
        };
        let bad = |why: &str| {
            Failure::bad_input(format!("`{server}` is not a server address: {why}"))
                .help("write it like `https://hallpass.example.com`")
        };
        let url: Url = server
            .trim_end_matches('/')
            .parse()
            .map_err(|_| bad("it is not a URL"))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(bad("it begins with neither `http://` nor `https://`"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("it holds a user name or password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad("it holds more than a host and a path"));
        }
        Ok(url)
    }

    /// Returns a client with the token of `HALLPASS_TOKEN` or of `login`.
    ///
    /// # Errors
    /// When the address or the token cannot be used.
    pub fn client(&self) -> Result<Client, Failure> {
        let address = self.address()?;
        let token = match token_from_environment()? {
            Some(token) => Some(token),
            None => Credentials::of_this_person()
                .ok()
                .map_or(Ok(None), |kept| kept.token(server_key(&address)))?,
        };
        Client::new(address, token.as_ref())
    }
}

fn server_of_login() -> Result<Option<String>, Failure> {
    match Credentials::of_this_person() {
        Ok(kept) => kept.last_server(),
        Err(_) => Ok(None),
    }
}

pub fn server_key(address: &Url) -> &str {
    address.as_str().trim_end_matches('/')
}

fn token_from_environment() -> Result<Option<SecretString>, Failure> {
    match std::env::var("HALLPASS_TOKEN") {
        Ok(token) if token.trim().is_empty() => Ok(None),
        Ok(token) => Ok(Some(token.trim().to_owned().into())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(Failure::bad_input("`HALLPASS_TOKEN` is not text"))
        }
    }
}

pub fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start: {error}")))?
        .block_on(future)
}

#[derive(Debug)]
pub struct Listing<T> {
    pub items: Vec<T>,
    pub has_more: bool,
}

/// Result of a call that may require confirmed warnings.
#[derive(Debug)]
pub enum Posted<T> {
    Done(T),
    /// Nothing was done: these need confirmation.
    Warned(Vec<Warning>),
}

/// A call without effect, with warnings to confirm.
struct Refused {
    failure: Failure,
    warnings: Vec<Warning>,
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            warnings: Vec::new(),
        }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        refused.failure
    }
}

#[derive(Debug)]
pub struct Client {
    address: Url,
    http: reqwest::Client,
    has_token: bool,
}

impl Client {
    pub fn new(address: Url, token: Option<&SecretString>) -> Result<Self, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert("x-hallpass-client", HeaderValue::from_static("cli"));
        if let Some(token) = token {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
                .map_err(|_| {
                    Failure::bad_input("the token holds characters that a token never has")
                })?;
            value.set_sensitive(true);
            headers.insert(reqwest::header::AUTHORIZATION, value);
            if address.scheme() == "http" && !is_loopback(&address) {
                output::say("warning: the token travels unencrypted; use an https address");
            }
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("hallpass-cli/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            // a redirect could carry the token to another host
            .redirect(redirect::Policy::none());
        if is_loopback(&address) {
            builder = builder.no_proxy();
        }
        let http = builder
            .build()
            .map_err(|error| Failure::failed(format!("cannot make calls: {}", root(&error))))?;
        Ok(Self {
            address,
            http,
            has_token: token.is_some(),
        })
    }

    /// `GET /api/v1/{path}`.
    ///
    /// # Errors
    /// Exit 1 when the server refuses, is unreachable or answers unexpectedly.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<T, Failure> {
        let mut url = self.url(path)?;
        for (name, value) in query {
            url.query_pairs_mut().append_pair(name, value);
        }
        let bytes = self.call(&Method::GET, &url, None).await?;
        self.read(&bytes)
    }

    /// Checks that a Hallpass server answers there, before a user is sent to a browser.
    pub async fn ensure_answers(&self) -> Result<(), Failure> {
        let url = self.url(&["me"])?;
        let answer = self.http.get(url).timeout(CONNECT_TIMEOUT).send().await;
        let answer = answer.map_err(|error| self.unreachable(&error))?;
        match self.answer(answer).await {
            Err(Refused { failure, .. }) if failure.has_code().is_none() => Err(failure),
            Err(Refused { failure, .. }) if failure.is_unreachable() => Err(failure),
            // a refusal without a token is one of Hallpass
            Ok(_) | Err(_) => Ok(()),
        }
    }

    pub async fn persona_token(&self, email: &str) -> Result<String, Failure> {
        let mut url = self.address.clone();
        url.path_segments_mut()
            .map_err(|()| Failure::bug("a server address without a path"))?
            .pop_if_empty()
            .extend(["demo", "token", email]);
        let answer = self.http.get(url).send().await;
        let answer = answer.map_err(|error| self.unreachable(&error))?;
        if answer.status() == StatusCode::NOT_FOUND {
            let server = server_key(&self.address);
            let message = format!("`{server}` has no demo user `{email}`");
            return Err(Failure::failed(message).code("unknown-user").help(
                "`hallpass demo` prints its users; on another server sign in with `hallpass login`",
            ));
        }
        let bytes = self.answer(answer).await?;
        String::from_utf8(bytes).map_err(Failure::bug)
    }

    /// `POST /api/v1/{path}` with a body.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &B,
    ) -> Result<T, Failure> {
        let body = serde_json::to_vec(body).map_err(Failure::bug)?;
        let bytes = self
            .call(&Method::POST, &self.url(path)?, Some(body))
            .await?;
        self.read(&bytes)
    }

    /// Posts where a warning may need confirmation first.
    pub async fn post_or_warned<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &B,
    ) -> Result<Posted<T>, Failure> {
        let body = serde_json::to_vec(body).map_err(Failure::bug)?;
        let url = self.url(path)?;
        match self.call(&Method::POST, &url, Some(body)).await {
            Ok(bytes) => self.read(&bytes).map(Posted::Done),
            Err(Refused { warnings, .. }) if !warnings.is_empty() => Ok(Posted::Warned(warnings)),
            Err(refused) => Err(refused.failure),
        }
    }

    /// Rows of a listing, up to `limit`.
    ///
    /// # Errors
    /// As [`Client::get`]; never returns a partial listing.
    pub async fn list<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        limit: usize,
    ) -> Result<Listing<T>, Failure> {
        let mut items: Vec<T> = Vec::new();
        let mut cursor: Option<String> = None;
        let mut empty_pages = 0;
        loop {
            let wanted = limit.saturating_sub(items.len()).clamp(1, PAGE_SIZE);
            let mut query = query.to_vec();
            query.push(("limit", wanted.to_string()));
            query.extend(cursor.clone().map(|cursor| ("cursor", cursor)));
            let page: Page<T> = self.get(path, &query).await?;
            // an empty page may have successors: the server limits the work per call
            empty_pages += u32::from(page.items.is_empty());
            let stuck = empty_pages > EMPTY_PAGES_MAX || page.next == cursor;
            items.extend(page.items);
            let has_more = page.next.is_some() || items.len() > limit;
            if items.len() >= limit || page.next.is_none() || stuck {
                items.truncate(limit);
                return Ok(Listing { items, has_more });
            }
            cursor = page.next;
        }
    }

    fn url(&self, path: &[&str]) -> Result<Url, Failure> {
        let mut url = self.address.clone();
        url.path_segments_mut()
            .map_err(|()| Failure::bug("a server address without a path"))?
            .pop_if_empty()
            .extend(["api", "v1"])
            .extend(path);
        Ok(url)
    }

    async fn call(
        &self,
        method: &Method,
        url: &Url,
        body: Option<Vec<u8>>,
    ) -> Result<Vec<u8>, Refused> {
        let key = idempotency_key()?;
        let mut attempt = 1;
        loop {
            let mut request = self.http.request(method.clone(), url.clone());
            if let Some(body) = &body {
                request = request
                    .header(reqwest::header::CONTENT_TYPE, "application/json")
                    .header("Idempotency-Key", &key)
                    .body(body.clone());
            }
            let pause = match request.send().await {
                Ok(answer) => match busy(&answer) {
                    Some(pause) if attempt < ATTEMPTS => pause,
                    _ => return self.answer(answer).await,
                },
                Err(error) if attempt < ATTEMPTS && is_worth_another_try(&error) => {
                    Duration::from_millis(200)
                }
                Err(error) => return Err(self.unreachable(&error).into()),
            };
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    async fn answer(&self, answer: reqwest::Response) -> Result<Vec<u8>, Refused> {
        let status = answer.status();
        let bytes = whole(answer, ANSWER_BYTES_MAX).await;
        let bytes = bytes.map_err(|fault| match fault {
            BodyFault::Lost(error) => self.unreachable(&error),
            BodyFault::TooLarge => Failure::failed("the server's answer is longer than is read"),
        })?;
        if status.is_success() {
            return Ok(bytes);
        }
        Err(self.refusal(status, &bytes))
    }

    fn read<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, Failure> {
        serde_json::from_slice(bytes).map_err(|error| {
            Failure::failed(format!(
                "`{}` answered something that is not Hallpass's API: {error}",
                self.address
            ))
            .help("check `--server`, and that this program and the server are of one version")
        })
    }

    /// Converts a problem document.
    fn refusal(&self, status: StatusCode, bytes: &[u8]) -> Refused {
        let problem = serde_json::from_slice::<Problem>(bytes);
        let warnings = problem.map(|it| it.warnings).unwrap_or_default();
        Refused {
            failure: self.failure(status, bytes),
            warnings,
        }
    }

    fn failure(&self, status: StatusCode, bytes: &[u8]) -> Failure {
        let Ok(problem) = serde_json::from_slice::<Problem>(bytes) else {
            let failure = Failure::failed(format!("`{}` answered {status}", self.address));
            return match status {
                StatusCode::UNAUTHORIZED => failure.help(self.how_to_sign_in()),
                _ => failure.help("check that `--server` names a Hallpass server"),
            };
        };
        let mut failure = Failure::failed(problem.detail).code(problem.code);
        for field in problem.errors {
            failure = failure.detail(format!("{}: {}", field.field, field.message));
        }
        if let Some(request) = problem.request_id {
            failure = failure.detail(format!("kept as {request}"));
        }
        if let Some(reference) = problem.reference {
            failure = failure.detail(format!("reference {reference}"));
        }
        match problem.help {
            // the server's hint is for programs; users have a command
            _ if failure.has_code() == Some("unauthorized") => failure.help(self.how_to_sign_in()),
            Some(help) => failure.help(help),
            None if status == StatusCode::UNAUTHORIZED => failure.help(self.how_to_sign_in()),
            None => failure,
        }
    }

    fn how_to_sign_in(&self) -> &'static str {
        if self.has_token {
            "the token may have ended or been revoked; `hallpass login` gets a new one"
        } else {
            "sign in with `hallpass login`, or set `HALLPASS_TOKEN`"
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let server = server_key(&self.address);
        let why = if error.is_timeout() {
            "no answer in time".to_owned()
        } else {
            root(error)
        };
        Failure::failed(format!("cannot reach the server at `{server}`: {why}"))
            .code(UNREACHABLE)
            .help(
                "is it running? Name another with `--server` or `HALLPASS_SERVER`; \
                 access that is active still ends on time",
            )
    }
}

pub fn root(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text = deeper.to_string();
        cause = deeper.source();
    }
    let text = text.split(" (os error").next().unwrap_or_default();
    text.to_lowercase()
}

/// Whether the answer was lost, rather than the server unreachable.
fn is_worth_another_try(error: &reqwest::Error) -> bool {
    !error.is_connect() && !error.is_timeout() && !error.is_builder()
}

fn busy(answer: &reqwest::Response) -> Option<Duration> {
    let status = answer.status();
    if status != StatusCode::TOO_MANY_REQUESTS && status != StatusCode::SERVICE_UNAVAILABLE {
        return None;
    }
    let seconds: u64 = answer
        .headers()
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds).min(PAUSE_MAX))
}

fn idempotency_key() -> Result<String, Failure> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::failed(format!("the system gives no random bytes: {error}")))?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hallpass_terminal::exit::Exit;

    fn address(text: &str) -> Result<Url, Failure> {
        ServerArgs {
            server: Some(text.to_owned()),
        }
        .address()
    }

    #[test]
    fn addresses_that_cannot_be_a_server_are_bad_input() {
        for bad in [
            "",
            "localhost:8080",
            "ftp://host",
            "http://",
            "http://user:pass@host",
            "http://host/?a=b",
        ] {
            let failure = address(bad).unwrap_err();
            assert_eq!(failure.exit(), Exit::BadInput, "{bad}");
        }
        let url = address("https://host/base/").unwrap();
        assert_eq!(server_key(&url), "https://host/base");
    }

    #[test]
    fn paths_are_below_the_address_and_escaped() {
        let client = Client::new(address("http://127.0.0.1:1/base").unwrap(), None).unwrap();
        let url = client.url(&["grants", "a/../b"]).unwrap();
        assert_eq!(
            url.as_str(),
            "http://127.0.0.1:1/base/api/v1/grants/a%2F..%2Fb"
        );
    }

    #[test]
    fn loopback_is_recognised() {
        for (text, expected) in [
            ("http://127.0.0.1:8080", true),
            ("http://localhost", true),
            ("http://[::1]:8080", true),
            ("http://10.0.0.1", false),
            ("http://localhost.example.com", false),
        ] {
            assert_eq!(is_loopback(&address(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn problem_documents_become_failures() {
        let client = Client::new(address("http://127.0.0.1:1").unwrap(), None).unwrap();
        let problem = br#"{"type":"about:blank","title":"Conflict","status":409,"code":"decided",
            "detail":"Already denied by Jonas Beck at 11:52.","help":"request again",
            "errors":[{"field":"for","code":"x","message":"too long"}]}"#;
        let Refused { failure, warnings } = client.refusal(StatusCode::CONFLICT, problem);
        assert!(warnings.is_empty());
        assert_eq!(failure.exit(), Exit::Failed);
        let shown = format!("{failure:?}");
        for part in ["decided", "Jonas Beck", "for: too long", "request again"] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
    }
}
