//! Okta API calls, with a secret token or client key, at Okta's pace (`inventory.md` K-1, K-5,
//! K-6).

use std::time::Duration;

use async_trait::async_trait;
use hallpass_inventory::SliceFailure;
use hallpass_inventory::collect::{OktaCalls, OktaPage};
use hallpass_terminal::exit::Failure;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, LINK};
use reqwest::{Method, Url};

use super::answer::{OktaAnswer, OktaFault};
use super::client::{CLIENT_ID, OktaClient, OktaRights};

const TOKEN: &str = "HALLPASS_OKTA_TOKEN";
const CALL_MAX: Duration = Duration::from_mins(1);
/// Retries after 429.
const THROTTLES_MAX: u32 = 5;
/// Retries after no response or 5xx.
const REPEATS_MAX: u32 = 5;

pub struct OktaHttp {
    client: reqwest::Client,
    base: String,
    proof: OktaProof,
}

enum OktaProof {
    Token(HeaderValue),
    Client(Box<OktaClient>),
}

/// Connects as the environment configures. A token has its creator's permissions; a client requests
/// the named ones.
pub fn configured(url: Option<&str>, rights: OktaRights) -> Result<Option<OktaHttp>, Failure> {
    let Some(url) = url.filter(|it| !it.is_empty()) else {
        return Ok(None);
    };
    let token = std::env::var(TOKEN).ok().filter(|it| !it.is_empty());
    let proof = match (token, OktaClient::of_environment(rights)?) {
        (None, None) => {
            let failure = Failure::bad_input("there is neither a token nor a client of Okta");
            return Err(failure.help(format!(
                "set `{TOKEN}`, or `{CLIENT_ID}` with the file of its key; they are never shown or kept"
            )));
        }
        (Some(_), Some(_)) => {
            let failure = Failure::bad_input(format!("`{TOKEN}` and `{CLIENT_ID}` are both set"));
            return Err(failure.help("leave one out"));
        }
        (Some(token), None) => OktaProof::Token(header(&token)?),
        (None, Some(client)) => OktaProof::Client(Box::new(client)),
    };
    OktaHttp::new(url, proof).map(Some)
}

fn header(token: &str) -> Result<HeaderValue, Failure> {
    // a prefix names the scheme
    let scheme = if token.contains(' ') { "" } else { "SSWS " };
    let unusable = || Failure::bad_input(format!("`{TOKEN}` holds characters that no token has"));
    let value = HeaderValue::from_str(&format!("{scheme}{token}"));
    let mut value = value.map_err(|_| unusable())?;
    value.set_sensitive(true);
    Ok(value)
}

impl OktaHttp {
    fn new(url: &str, proof: OktaProof) -> Result<Self, Failure> {
        let bad = |why: &str| {
            let failure = Failure::bad_input(format!("`{url}` is no address of Okta: {why}"));
            failure.help("write it like `https://example.okta.com`")
        };
        let parsed: Url = url.parse().map_err(|_| bad("it is not a URL"))?;
        let host = parsed.host_str().unwrap_or_default();
        let is_local = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
        if parsed.scheme() != "https" && !(parsed.scheme() == "http" && is_local) {
            return Err(bad("the token would travel in the clear"));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(bad("it holds a user name or password"));
        }
        if parsed.path() != "/" || parsed.query().is_some() {
            return Err(bad("it has a path or query"));
        }
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let client = reqwest::Client::builder()
            .timeout(CALL_MAX)
            // the token is for one host
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("hallpass/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .build()
            .map_err(|_| Failure::failed("the client of Okta cannot be made"))?;
        Ok(Self {
            client,
            base: parsed.origin().ascii_serialization(),
            proof,
        })
    }

    async fn once(&self, method: Method, url: &str) -> Result<OktaPage, OktaFault> {
        let proof = match &self.proof {
            OktaProof::Token(token) => token.clone(),
            OktaProof::Client(client) => client.authorization(&self.client, &self.base).await?,
        };
        let request = self
            .client
            .request(method, url)
            .header(AUTHORIZATION, proof);
        let answer = OktaAnswer::of(request).await?.checked()?;
        let links = answer.headers.get_all(LINK).iter();
        let links = links.filter_map(|it| it.to_str().ok().map(str::to_owned));
        let links = links.collect();
        if let Some(pause) = answer.spread() {
            tokio::time::sleep(pause).await;
        }
        Ok(OktaPage {
            body: answer.document,
            links,
        })
    }

    /// Sends a write once; retries only if Okta certainly did nothing.
    ///
    /// # Errors
    /// From Okta. Without a response or after 5xx the result is unknown.
    pub(super) async fn post(&self, url: &str) -> Result<(), SliceFailure> {
        self.send(Method::POST, url).await.map(|_| ())
    }

    async fn send(&self, method: Method, url: &str) -> Result<OktaPage, SliceFailure> {
        let (mut throttles, mut repeats, mut renewed) = (0, 0, false);
        loop {
            let (mut failure, pause, is_over) = match self.once(method.clone(), url).await {
                Ok(page) => return Ok(page),
                Err(OktaFault::Throttled(failure, pause)) => {
                    throttles += 1;
                    (failure, pause, throttles > THROTTLES_MAX)
                }
                Err(OktaFault::Passing(failure)) => {
                    repeats += 1;
                    let pause = Duration::from_millis(250 << repeats);
                    // the result of a write is unknown: the caller must read first
                    (
                        failure,
                        pause,
                        repeats > REPEATS_MAX || method != Method::GET,
                    )
                }
                Err(OktaFault::Unknown(failure)) => {
                    let is_over = renewed || matches!(self.proof, OktaProof::Token(_));
                    if let OktaProof::Client(client) = &self.proof {
                        client.forget().await;
                    }
                    renewed = true;
                    (failure, Duration::ZERO, is_over)
                }
                Err(OktaFault::Final(failure)) => (failure, Duration::ZERO, true),
            };
            if is_over {
                failure.attempts = (throttles + repeats).max(1);
                return Err(*failure);
            }
            tokio::time::sleep(pause).await;
        }
    }
}

#[async_trait]
impl OktaCalls for OktaHttp {
    fn base(&self) -> &str {
        &self.base
    }

    async fn get(&self, url: &str) -> Result<OktaPage, SliceFailure> {
        self.send(Method::GET, url).await
    }
}
