//! Calls of Okta: with its token, which is never shown, and at the pace that it asks for
//! (`inventory.md` K-1, K-5, K-6).

use std::time::Duration;

use async_trait::async_trait;
use hallpass_collect::{OktaCalls, OktaPage};
use hallpass_inventory::SliceFailure;
use reqwest::Url;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, LINK};
use serde_json::Value;

use crate::clock;
use crate::exit::Failure;

/// The variable with the token.
const TOKEN: &str = "HALLPASS_OKTA_TOKEN";
/// The longest time for one call.
const CALL_MAX: Duration = Duration::from_mins(1);
/// How often a call is made again after 429.
const THROTTLES_MAX: u32 = 5;
/// How often a call is made again after no answer or 5xx.
const REPEATS_MAX: u32 = 5;
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_mins(1);
/// The largest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Below one part in so many of the limit, the rest is spread.
const SPREAD_BELOW: u64 = 10;

/// A connection to Okta.
pub(super) struct OktaHttp {
    client: reqwest::Client,
    base: String,
}

/// A connection, where the environment says to what and with which token.
pub(super) fn configured(url: Option<&str>) -> Result<Option<OktaHttp>, Failure> {
    let token = std::env::var(TOKEN).ok().filter(|it| !it.is_empty());
    match (url.filter(|it| !it.is_empty()), token) {
        (None, _) => Ok(None),
        (Some(_), None) => {
            let failure = Failure::bad_input("there is no token of Okta");
            Err(failure.help(format!("set `{TOKEN}`; it is never shown or kept")))
        }
        (Some(url), Some(token)) => OktaHttp::new(url, &token).map(Some),
    }
}

impl OktaHttp {
    fn new(url: &str, token: &str) -> Result<Self, Failure> {
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
            return Err(bad("it goes on after the host"));
        }
        // what has a word before it says itself what it is
        let scheme = if token.contains(' ') { "" } else { "SSWS " };
        let unusable = || Failure::bad_input(format!("`{TOKEN}` holds what no token has"));
        let value = HeaderValue::from_str(&format!("{scheme}{token}"));
        let mut value = value.map_err(|_| unusable())?;
        value.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value);
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
        })
    }

    async fn once(&self, url: &str) -> Result<OktaPage, OktaFault> {
        let unanswered = |_| OktaFault::Passing(failure("NoAnswer", "there was no answer", None));
        let answer = self.client.get(url).send().await.map_err(unanswered)?;
        let status = answer.status().as_u16();
        let headers = answer.headers().clone();
        let body = whole(answer).await?;
        let document: Option<Value> = serde_json::from_slice(&body).ok();
        let member = |name: &str| -> Option<String> {
            let found = document.as_ref()?.get(name)?.as_str()?;
            Some(found.to_owned())
        };
        if !(200..300).contains(&status) {
            let code = member("errorCode").unwrap_or_else(|| format!("HTTP {status}"));
            let message = member("errorSummary").unwrap_or_else(|| "no reason given".to_owned());
            let mut failure = failure(&code, &message, Some(status));
            failure.request_id = text(&headers, "x-okta-request-id").map(str::to_owned);
            return Err(match status {
                429 => OktaFault::Throttled(failure, until_reset(&headers)),
                500.. => OktaFault::Passing(failure),
                _ => OktaFault::Final(failure),
            });
        }
        let Some(body) = document else {
            let failure = failure("Undecodable", "the answer is no JSON", Some(status));
            return Err(OktaFault::Final(failure));
        };
        let links = headers.get_all(LINK).iter();
        let links = links.filter_map(|it| it.to_str().ok().map(str::to_owned));
        let page = OktaPage {
            body,
            links: links.collect(),
        };
        if let Some(pause) = spread(&headers) {
            tokio::time::sleep(pause).await;
        }
        Ok(page)
    }
}

/// What may be done about a refusal.
enum OktaFault {
    /// Again after this.
    Throttled(SliceFailure, Duration),
    /// Again.
    Passing(SliceFailure),
    /// Again would be the same.
    Final(SliceFailure),
}

#[async_trait]
impl OktaCalls for OktaHttp {
    fn base(&self) -> &str {
        &self.base
    }

    async fn get(&self, url: &str) -> Result<OktaPage, SliceFailure> {
        let (mut throttles, mut repeats) = (0, 0);
        loop {
            let (mut failure, pause, is_over) = match self.once(url).await {
                Ok(page) => return Ok(page),
                Err(OktaFault::Throttled(failure, pause)) => {
                    throttles += 1;
                    (failure, pause, throttles > THROTTLES_MAX)
                }
                Err(OktaFault::Passing(failure)) => {
                    repeats += 1;
                    let pause = Duration::from_millis(250 << repeats);
                    (failure, pause, repeats > REPEATS_MAX)
                }
                Err(OktaFault::Final(failure)) => (failure, Duration::ZERO, true),
            };
            if is_over {
                failure.attempts = (throttles + repeats).max(1);
                return Err(failure);
            }
            tokio::time::sleep(pause).await;
        }
    }
}

async fn whole(mut answer: reqwest::Response) -> Result<Vec<u8>, OktaFault> {
    let mut body = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(None) => return Ok(body),
            Ok(Some(chunk)) if body.len() + chunk.len() > ANSWER_BYTES_MAX => {
                let failure = failure("Undecodable", "the answer is too large", None);
                return Err(OktaFault::Final(failure));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Err(_) => {
                let failure = failure("NoAnswer", "the answer was cut off", None);
                return Err(OktaFault::Passing(failure));
            }
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    text(headers, name)?.trim().parse().ok()
}

/// Until the limit is whole again, and a second more.
fn until_reset(headers: &HeaderMap) -> Duration {
    let reset = number(headers, "x-rate-limit-reset").unwrap_or_default();
    let now = u64::try_from(clock::now().as_second()).unwrap_or_default();
    Duration::from_secs(reset.saturating_sub(now) + 1).min(PAUSE_MAX)
}

/// A pause that spreads what is left of the limit, once little is.
fn spread(headers: &HeaderMap) -> Option<Duration> {
    let left = number(headers, "x-rate-limit-remaining")?;
    let limit = number(headers, "x-rate-limit-limit")?;
    if left.saturating_mul(SPREAD_BELOW) >= limit {
        return None;
    }
    let until = until_reset(headers);
    let parts = u32::try_from(left + 1).unwrap_or(u32::MAX);
    Some(until / parts)
}

fn failure(code: &str, message: &str, http_status: Option<u16>) -> SliceFailure {
    SliceFailure {
        stage: "call".to_owned(),
        operation: String::new(),
        code: code.to_owned(),
        message: message.to_owned(),
        http_status,
        attempts: 1,
        request_id: None,
    }
}
