//! Lambda runtime interface ("Using the Lambda runtime API for custom runtimes").

use std::time::Duration;

use hallpass_base::Timestamp;
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::output;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::json;

/// Bytes.
const EVENT_BYTES_MAX: usize = 6 * 1024 * 1024;
/// The only interface version.
const VERSION: &str = "2018-06-01";
const INVOCATION: &str = "lambda-runtime-aws-request-id";
/// Header with the deadline in milliseconds since 1970.
const DEADLINE: &str = "lambda-runtime-deadline-ms";
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
/// Reserved to deliver the response.
const ANSWER_TAKES: Duration = Duration::from_millis(500);
const INVOCATION_MAX: Duration = Duration::from_mins(15);

/// Lambda retries it or sends it to the function's failure destination.
pub(super) struct InvocationFailed {
    pub(super) kind: &'static str,
    pub(super) message: String,
}

struct Invoked {
    id: String,
    deadline: Option<Timestamp>,
    event: String,
}

/// Handles events until the runtime ends.
pub(super) async fn serve(
    api: &str,
    answer: impl AsyncFn(String) -> Result<String, InvocationFailed>,
) -> Outcome {
    let http = client()?;
    let base = format!("http://{api}/{VERSION}/runtime/invocation");
    loop {
        let Invoked {
            id,
            deadline,
            event,
        } = next(&http, &base).await?;
        let left = time_left(deadline);
        let answered = tokio::time::timeout(left, answer(event)).await;
        let answered = answered.unwrap_or_else(|_| {
            // completed writes remain; the event returns
            Err(InvocationFailed {
                kind: "TimeIsUp",
                message: "the time of the invocation was over before it was handled".to_owned(),
            })
        });
        let sent = match answered {
            Ok(response) => {
                let request = http.post(format!("{base}/{id}/response"));
                request
                    .header("content-type", "application/json")
                    .body(response)
            }
            Err(failed) => {
                output::say(&format!("{id}: {}: {}", failed.kind, failed.message));
                failure(http.post(format!("{base}/{id}/error")), &failed)
            }
        };
        let sent = sent.send().await;
        if let Err(error) = sent.and_then(reqwest::Response::error_for_status) {
            // the service dropped this event; the next may succeed
            output::say(&format!("the answer to {id} was not taken: {error}"));
        }
    }
}

pub(super) async fn cannot_begin(api: &str, why: &Failure) {
    let failed = InvocationFailed {
        kind: "CannotBegin",
        message: why.words(),
    };
    if let Ok(http) = client() {
        let request = http.post(format!("http://{api}/{VERSION}/runtime/init/error"));
        // on failure, the process exit reports it
        let _ = failure(request, &failed).send().await;
    }
}

fn failure(request: reqwest::RequestBuilder, failed: &InvocationFailed) -> reqwest::RequestBuilder {
    let body = json!({ "errorType": failed.kind, "errorMessage": failed.message });
    request
        .header(ERROR_TYPE, failed.kind)
        .header("content-type", "application/json")
        .body(body.to_string())
}

fn client() -> Result<reqwest::Client, Failure> {
    reqwest::Client::builder()
        // the interface is local; the next event may take hours
        .no_proxy()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start: {error}")))
}

async fn next(http: &reqwest::Client, base: &str) -> Result<Invoked, Failure> {
    let lost = |error: reqwest::Error| Failure::failed(format!("no more events: {error}"));
    let mut answer = http
        .get(format!("{base}/next"))
        .send()
        .await
        .and_then(reqwest::Response::error_for_status)
        .map_err(lost)?;
    let id = answer.headers().get(INVOCATION);
    let id = id.and_then(|id: &HeaderValue| id.to_str().ok());
    // the id becomes part of a path
    let plain = |id: &&str| id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let Some(id) = id.filter(plain).map(str::to_owned) else {
        return Err(Failure::failed("an event came without its id"));
    };
    let deadline = deadline(answer.headers());
    let mut event = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(lost)? {
        if event.len() + chunk.len() <= EVENT_BYTES_MAX {
            event.extend_from_slice(&chunk);
        }
    }
    Ok(Invoked {
        id,
        deadline,
        event: String::from_utf8_lossy(&event).into_owned(),
    })
}

fn deadline(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(DEADLINE)?.to_str().ok()?;
    Timestamp::from_millisecond(text.parse().ok()?).ok()
}

fn time_left(deadline: Option<Timestamp>) -> Duration {
    let Some(deadline) = deadline else {
        return INVOCATION_MAX;
    };
    let left = deadline.duration_since(hallpass_base::clock::now());
    let left = Duration::try_from(left).unwrap_or_default();
    left.saturating_sub(ANSWER_TAKES).min(INVOCATION_MAX)
}
