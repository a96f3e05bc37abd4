//! The runtime interface of Lambda ("Using the Lambda runtime API for custom runtimes").

use std::time::Duration;

use hallpass_base::Timestamp;
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::output;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::json;

/// The largest event Lambda sends, in bytes.
const EVENT_BYTES_MAX: usize = 6 * 1024 * 1024;
/// The version of the runtime interface, the only one there is.
const VERSION: &str = "2018-06-01";
/// The header that names an invocation.
const INVOCATION: &str = "lambda-runtime-aws-request-id";
/// The header that says until when it may last, in milliseconds since 1970.
const DEADLINE: &str = "lambda-runtime-deadline-ms";
/// The header that names the kind of a failure.
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
/// What is left of an invocation's time for its answer to arrive.
const ANSWER_TAKES: Duration = Duration::from_millis(500);
/// The longest an invocation lasts, where it does not say.
const INVOCATION_MAX: Duration = Duration::from_mins(15);

/// An invocation that failed: it is invoked again, or goes to the function's destination for failures.
pub(super) struct InvocationFailed {
    /// The kind of failure.
    pub(super) kind: &'static str,
    /// Why.
    pub(super) message: String,
}

struct Invoked {
    id: String,
    deadline: Option<Timestamp>,
    event: String,
}

/// Asks for events and answers them until the runtime goes away.
///
/// # Errors
/// It went away.
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
            // what was written stays written; the event comes again
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
            // the service has given up on this one; the next may fare better
            output::say(&format!("the answer to {id} was not taken: {error}"));
        }
    }
}

/// Tells the runtime that the function cannot begin, and why.
pub(super) async fn cannot_begin(api: &str, why: &Failure) {
    let failed = InvocationFailed {
        kind: "CannotBegin",
        message: why.words(),
    };
    if let Ok(http) = client() {
        let request = http.post(format!("http://{api}/{VERSION}/runtime/init/error"));
        // where it is not taken, the end of the process says it
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
        // the interface is on this machine; the next event may be hours away
        .no_proxy()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start: {error}")))
}

/// The next event.
async fn next(http: &reqwest::Client, base: &str) -> Result<Invoked, Failure> {
    let lost = |error: reqwest::Error| Failure::failed(format!("no events any more: {error}"));
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

/// How long handling may take.
fn time_left(deadline: Option<Timestamp>) -> Duration {
    let Some(deadline) = deadline else {
        return INVOCATION_MAX;
    };
    let left = deadline.duration_since(hallpass_base::clock::now());
    let left = Duration::try_from(left).unwrap_or_default();
    left.saturating_sub(ANSWER_TAKES).min(INVOCATION_MAX)
}
