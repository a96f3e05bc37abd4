//! Errors as problem details (RFC 9457): description, stable code, remedy.

use std::any::Any;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use axum::{
    Json,
    extract::Request,
    http::{HeaderValue, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use hallpass_access::{AccessError, ActionRefused, CommitError, Refusal, RuleWarning};
use hallpass_api::{FieldProblem, Problem};
use hallpass_base::{TimeSpan, with_causes};

use crate::convert;

const LOOK_FIRST: &str = "look before trying again, or try again with the same Idempotency-Key";

const CALL_TIME_MAX: Duration = Duration::from_secs(30);

tokio::task_local! {
    static REFERENCE: String;
}

pub(crate) fn reference() -> Option<String> {
    REFERENCE.try_with(Clone::clone).ok()
}

pub(crate) async fn with_reference(request: Request, next: Next) -> Response {
    let id = request.headers().get("x-request-id");
    let id = id.and_then(|id| id.to_str().ok()).unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if id.is_empty() || id.len() > 64 || !id.chars().all(is_plain) {
        return next.run(request).await;
    }
    REFERENCE.scope(id.to_owned(), next.run(request)).await
}

pub(crate) async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(CALL_TIME_MAX, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ProblemResponse::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "timeout",
            "that took too long; it may have been done nevertheless",
        )
        .help(LOOK_FIRST)
        .into_response(),
    }
}

#[derive(Debug)]
pub(crate) struct ProblemResponse(Box<Problem>, Option<TimeSpan>);

impl ProblemResponse {
    pub(crate) fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self(
            Box::new(Problem {
                kind: "about:blank".to_owned(),
                title: status.canonical_reason().unwrap_or("Error").to_owned(),
                status: status.as_u16(),
                code: code.to_owned(),
                detail: detail.into(),
                help: None,
                errors: Vec::new(),
                warnings: Vec::new(),
                request_id: None,
                reference: None,
            }),
            None,
        )
    }

    pub(crate) fn into_problem(mut self) -> Problem {
        self.0.reference = reference();
        *self.0
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub(crate) fn help(mut self, help: &str) -> Self {
        self.0.help = Some(help.to_owned());
        self
    }

    pub(crate) fn detail(mut self, detail: String) -> Self {
        self.0.detail = detail;
        self
    }

    pub(crate) fn retry_after(mut self, after: TimeSpan) -> Self {
        self.1 = Some(after);
        self
    }

    pub(crate) fn fields(mut self, errors: Vec<FieldProblem>) -> Self {
        self.0.errors = errors;
        self
    }

    fn warned(mut self, warnings: &[RuleWarning]) -> Self {
        self.0.warnings = convert::warnings(warnings);
        self.help("once it was read, call again with the ids of `warnings` in `confirmed_warnings`")
    }

    pub(crate) fn bad(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    pub(crate) fn forbidden(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    pub(crate) fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
            .help("send `Authorization: Bearer …` with a token from `hallpass server token create`")
    }

    pub(crate) fn not_found(what: &str) -> Self {
        let detail = format!("no such {what}, or not yours to see");
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    pub(crate) fn unavailable(error: &(dyn std::error::Error + 'static)) -> Self {
        let reference = reference();
        tracing::error!(error = %with_causes(error), reference, "a call failed");
        let detail = "that did not work; nothing changed";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
            .help("try again in a moment; access that is due to end still ends")
    }

    pub(crate) fn unconfirmed(error: &(dyn std::error::Error + 'static)) -> Self {
        let reference = reference();
        tracing::error!(error = %with_causes(error), reference, "the result of a call is not known");
        let detail = "the store did not confirm it; it may have been done nevertheless";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).help(LOOK_FIRST)
    }

    pub(crate) fn rejected(request: &hallpass_access::Request, refusal: &Refusal) -> Self {
        let code = match refusal.fields.as_slice() {
            [only] => only.code.as_str(),
            _ => refusal.code.as_str(),
        };
        let mut failure = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            code,
            refusal.message.clone(),
        );
        failure.0.request_id = Some(request.id.to_string());
        failure.0.errors = wire_problems("", refusal);
        failure
    }

    pub(crate) fn rejected_batch(refused: &[(String, &Refusal)], of: usize) -> Self {
        let mut failure = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "targets-refused",
            format!(
                "{} of {of} targets cannot be requested, so nothing was requested.",
                refused.len()
            ),
        )
        .help("leave them out, or put them right");
        let problems = refused.iter().flat_map(|(place, refusal)| {
            let fields = wire_problems(&format!("{place}."), refusal);
            let whole = fields.is_empty().then(|| FieldProblem {
                field: place.clone(),
                code: refusal.code.clone(),
                message: refusal.message.clone(),
            });
            fields.into_iter().chain(whole)
        });
        failure.0.errors = problems.collect();
        failure
    }
}

fn wire_problems(place: &str, refusal: &Refusal) -> Vec<FieldProblem> {
    let problems = refusal.fields.iter();
    problems.map(|field| wire_problem(place, field)).collect()
}

fn wire_problem(place: &str, field: &hallpass_access::FieldProblem) -> FieldProblem {
    FieldProblem {
        field: format!("{place}{}", field.field),
        code: field.code.clone(),
        message: field.message.clone(),
    }
}

impl From<AccessError> for ProblemResponse {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::NotFound(what) => Self::not_found(what),
            AccessError::Refused(refused) => refused.into(),
            AccessError::KeyReused => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                error.to_string(),
            )
            .help("use a new Idempotency-Key for every different call"),
            AccessError::TargetCount(_) => Self::bad("bad-target-count", error.to_string()),
            AccessError::Commit(CommitError::Raced(_)) => Self::new(
                StatusCode::CONFLICT,
                "raced",
                "others changed this at the same time",
            )
            .help("try again"),
            AccessError::Directory(fault) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "standing-unread",
                format!("the state in AWS could not be read: {fault}"),
            )
            .help("try again in a minute"),
            AccessError::Commit(CommitError::Unavailable(_)) => Self::unconfirmed(&error),
            // the last two are already refusals here
            AccessError::Read(_)
            | AccessError::Commit(
                CommitError::IllegalStep(_) | CommitError::OverQuota(_) | CommitError::Full(_),
            ) => Self::unavailable(&error),
        }
    }
}

impl From<ActionRefused> for ProblemResponse {
    fn from(refused: ActionRefused) -> Self {
        if let Some(after) = refused.retry_after() {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            return Self::new(status, refused.code(), refused.to_string())
                .help(what_helps(&refused))
                .retry_after(after);
        }
        let status = match &refused {
            ActionRefused::LockIsOver
            | ActionRefused::Absence(_)
            | ActionRefused::SharedAddress
            | ActionRefused::ReasonMissing
            | ActionRefused::Justification { .. }
            | ActionRefused::ApprovedLength { .. }
            | ActionRefused::LongText { .. } => StatusCode::BAD_REQUEST,
            ActionRefused::OverQuota(_) => StatusCode::TOO_MANY_REQUESTS,
            ActionRefused::Campaign(why) if why.is_bad_input() => StatusCode::BAD_REQUEST,
            ActionRefused::Standing(why) if why.is_bad_input() => StatusCode::BAD_REQUEST,
            refused if refused.is_conflict() => StatusCode::CONFLICT,
            _ => StatusCode::FORBIDDEN,
        };
        let failure = Self::new(status, refused.code(), refused.to_string());
        match &refused {
            ActionRefused::WarningsUnconfirmed { warnings } => failure.warned(warnings),
            ActionRefused::LongText { field, characters } => {
                failure.fields(vec![wire_problem("", &field.problem(*characters))])
            }
            _ => failure,
        }
    }
}

fn what_helps(refused: &ActionRefused) -> &'static str {
    match refused {
        ActionRefused::ClocksDisagree(_) => {
            "an administrator sets the clock right (`hallpass server doctor`); then try again"
        }
        ActionRefused::StorageFull => {
            "an administrator frees space on the disk of the database; then try again"
        }
        ActionRefused::DirectoryUnread { .. } | ActionRefused::ExportBehind { .. } => {
            "try again in a minute; an administrator looks at Health and `hallpass server doctor`"
        }
        _ => "try again in a moment",
    }
}

impl IntoResponse for ProblemResponse {
    fn into_response(self) -> Response {
        let after = self.1;
        let status = self.status();
        let problem = Arc::new(self.into_problem());
        let mut response = (status, Json(&*problem)).into_response();
        response.extensions_mut().insert(problem);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(after) = after {
            headers.insert(header::RETRY_AFTER, after.as_seconds().into());
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

pub(crate) async fn no_such_route(uri: Uri) -> ProblemResponse {
    let nothing = format!("there is nothing at {}", uri.path());
    let failure = ProblemResponse::new(StatusCode::NOT_FOUND, "no-such-route", nothing);
    if uri.path().starts_with("/api") {
        failure.help("the API is described at /api/openapi.json")
    } else {
        failure.help("look at the address, or start from your access")
    }
}

pub(crate) async fn no_such_method() -> ProblemResponse {
    ProblemResponse::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "no-such-method",
        "this path has other methods",
    )
    .help("the API is described at /api/openapi.json")
}

pub(crate) fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!(
        reference = reference(),
        "a handler panicked (this is a bug)"
    );
    let detail = "that broke off (this is a bug); it may have been done nevertheless";
    ProblemResponse::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
        .help(LOOK_FIRST)
        .into_response()
}

pub(crate) fn bad_parameter(name: &str, error: impl Display) -> ProblemResponse {
    ProblemResponse::bad("bad-parameter", format!("`{name}`: {error}"))
}
