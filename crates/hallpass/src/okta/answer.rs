//! An answer of Okta's: read up to a size, and what a refusal is worth (`inventory.md` K-5, K-6).

use std::time::Duration;

use hallpass_inventory::SliceFailure;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::answer_body::{BodyFault, whole};
use crate::clock;

/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_mins(1);
/// The largest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Below one part in so many of the limit, the rest is spread.
const SPREAD_BELOW: u64 = 10;

/// What may be done about a refusal.
pub(super) enum OktaFault {
    /// Again after this.
    Throttled(Box<SliceFailure>, Duration),
    /// Again.
    Passing(Box<SliceFailure>),
    /// It does not know us: again with another token, where we can get one.
    Unknown(Box<SliceFailure>),
    /// Again would be the same.
    Final(Box<SliceFailure>),
}

/// What came back.
pub(super) struct OktaAnswer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    /// The body; `null` where it is no JSON.
    pub(super) document: Value,
}

impl OktaAnswer {
    /// Sends a request, once.
    pub(super) async fn of(request: reqwest::RequestBuilder) -> Result<Self, OktaFault> {
        let unanswered =
            |_| OktaFault::Passing(Box::new(failure("NoAnswer", "there was no answer", None)));
        let answer = request.send().await.map_err(unanswered)?;
        let status = answer.status().as_u16();
        let headers = answer.headers().clone();
        let body = whole(answer, ANSWER_BYTES_MAX)
            .await
            .map_err(|fault| broken(&fault))?;
        Ok(Self {
            status,
            headers,
            document: serde_json::from_slice(&body).unwrap_or_default(),
        })
    }

    /// A text of the body.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.document.get(name)?.as_str()
    }

    /// The answer, where it is one.
    pub(super) fn checked(self) -> Result<Self, OktaFault> {
        if (200..300).contains(&self.status) {
            if self.document.is_null() {
                let failure = failure("Undecodable", "the answer is no JSON", Some(self.status));
                return Err(OktaFault::Final(Box::new(failure)));
            }
            return Ok(self);
        }
        // its API and its sign-in have names of their own for what went wrong
        let code = self.text("errorCode").or_else(|| self.text("error"));
        let code = code.map_or_else(|| format!("HTTP {}", self.status), str::to_owned);
        let said = self.text("errorSummary");
        let said = said.or_else(|| self.text("error_description"));
        let mut failure = failure(&code, said.unwrap_or("no reason given"), Some(self.status));
        failure.request_id = text(&self.headers, "x-okta-request-id").map(str::to_owned);
        Err(match self.status {
            401 => OktaFault::Unknown(Box::new(failure)),
            429 => OktaFault::Throttled(Box::new(failure), until_reset(&self.headers)),
            500.. => OktaFault::Passing(Box::new(failure)),
            _ => OktaFault::Final(Box::new(failure)),
        })
    }

    /// A pause that spreads what is left of the limit, once little is.
    pub(super) fn spread(&self) -> Option<Duration> {
        let left = number(&self.headers, "x-rate-limit-remaining")?;
        let limit = number(&self.headers, "x-rate-limit-limit")?;
        if left.saturating_mul(SPREAD_BELOW) >= limit {
            return None;
        }
        let until = until_reset(&self.headers);
        let parts = u32::try_from(left + 1).unwrap_or(u32::MAX);
        Some(until / parts)
    }
}

fn broken(fault: &BodyFault) -> OktaFault {
    match fault {
        BodyFault::Lost(_) => {
            let failure = failure("NoAnswer", "the answer was cut off", None);
            OktaFault::Passing(Box::new(failure))
        }
        BodyFault::TooLarge => {
            let failure = failure("Undecodable", "the answer is too large", None);
            OktaFault::Final(Box::new(failure))
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

pub(super) fn failure(code: &str, message: &str, http_status: Option<u16>) -> SliceFailure {
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
