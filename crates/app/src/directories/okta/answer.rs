//! Reads Okta responses up to a size limit and classifies refusals (`inventory.md` K-5, K-6).

use std::time::Duration;

use hallpass_aws::answer_body::{BodyFault, whole};
use hallpass_inventory::SliceFailure;
use reqwest::header::HeaderMap;
use serde_json::Value;

const PAUSE_MAX: Duration = Duration::from_mins(1);
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Spreads calls when less than this fraction of the limit is left.
const SPREAD_BELOW: u64 = 10;

pub(super) enum OktaFault {
    Throttled(Box<SliceFailure>, Duration),
    Passing(Box<SliceFailure>),
    /// Retry with a new token, if possible.
    Unknown(Box<SliceFailure>),
    Final(Box<SliceFailure>),
}

pub(super) struct OktaAnswer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    /// `null` if not JSON.
    pub(super) document: Value,
}

impl OktaAnswer {
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

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.document.get(name)?.as_str()
    }

    pub(super) fn checked(self) -> Result<Self, OktaFault> {
        if (200..300).contains(&self.status) {
            if self.document.is_null() {
                let failure = failure("Undecodable", "the answer is no JSON", Some(self.status));
                return Err(OktaFault::Final(Box::new(failure)));
            }
            return Ok(self);
        }
        // the API and the sign-in use different error fields
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
            let failure = failure("NoAnswer", "the answer was truncated", None);
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

fn until_reset(headers: &HeaderMap) -> Duration {
    let reset = number(headers, "x-rate-limit-reset").unwrap_or_default();
    let now = u64::try_from(hallpass_base::clock::now().as_second()).unwrap_or_default();
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

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;
    use serde_json::json;

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, u64)], document: Value) -> OktaAnswer {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).parse().unwrap(), HeaderValue::from(*value)));
        OktaAnswer {
            status,
            headers: headers.collect(),
            document,
        }
    }

    /// `inventory.md` K-5: a second after the reset, at most a minute.
    #[test]
    fn throttles_last_until_the_reset_and_never_long() {
        let now = u64::try_from(hallpass_base::clock::now().as_second()).unwrap();
        for (reset, least, most) in [(0, 1, 1), (now + 20, 19, 21), (now + 600, 60, 60)] {
            let refusal = answer(429, &[("x-rate-limit-reset", reset)], json!({}));
            let Err(OktaFault::Throttled(failure, pause)) = refusal.checked() else {
                panic!("429 is a throttle");
            };
            assert!(
                (least..=most).contains(&pause.as_secs()),
                "{reset}: {pause:?}"
            );
            assert_eq!(failure.http_status, Some(429));
        }
    }

    #[test]
    fn little_that_is_left_is_spread() {
        let now = u64::try_from(hallpass_base::clock::now().as_second()).unwrap();
        for (left, is_little) in [(60, false), (59, true), (0, true)] {
            let headers = [
                ("x-rate-limit-limit", 600),
                ("x-rate-limit-remaining", left),
                ("x-rate-limit-reset", now + 29),
            ];
            let pause = answer(200, &headers, json!([])).spread();
            assert_eq!(pause.is_some(), is_little, "{left}");
            if let Some(pause) = pause {
                let whole = pause * u32::try_from(left + 1).unwrap();
                let expected = Duration::from_secs(28)..=Duration::from_secs(31);
                assert!(expected.contains(&whole), "{left}: {pause:?}");
            }
        }
        assert!(answer(200, &[], json!([])).spread().is_none());
    }

    /// `inventory.md` K-6
    #[test]
    fn refusals_are_final_and_have_the_code_of_okta() {
        let said = |code: &str| json!({"errorCode": code, "errorSummary": "in words"});
        for (status, code, expected) in [
            (403, "E0000006", "final"),
            (401, "E0000011", "unknown"),
            (503, "E0000009", "passing"),
        ] {
            let (kind, failure) = match answer(status, &[], said(code)).checked() {
                Err(OktaFault::Final(failure)) => ("final", failure),
                Err(OktaFault::Unknown(failure)) => ("unknown", failure),
                Err(OktaFault::Passing(failure)) => ("passing", failure),
                _ => panic!("{status} is a refusal"),
            };
            assert_eq!((kind, failure.code.as_str()), (expected, code));
            assert_eq!(failure.message, "in words");
        }
        let empty = answer(200, &[], Value::Null).checked();
        assert!(matches!(empty, Err(OktaFault::Final(_))));
    }
}
