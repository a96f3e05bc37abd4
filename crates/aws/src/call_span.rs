//! The tracing span of one AWS request; disabled without an exporter. Contains metadata and result,
//! never input or output.

use std::future::Future;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use hallpass_base::traced::INNER_SPANS;
use tracing::field::{Empty, display};
use tracing::{Instrument as _, Span};

use crate::fault::CallFailure;

tokio::task_local! {
    /// The current request's span, for observers deep in the SDK.
    static CALL: Span;
}

pub(crate) fn open(service: &'static str, operation: &'static str) -> Span {
    tracing::info_span!(
        target: INNER_SPANS,
        "aws call",
        otel.name = %format_args!("{service}/{operation}"),
        otel.kind = "client",
        rpc.system = "aws-api",
        rpc.service = service,
        rpc.method = operation,
        aws.request_id = Empty,
        http.response.status_code = Empty,
        error.type = Empty,
    )
}

pub(crate) async fn within<T>(span: &Span, request: impl Future<Output = T>) -> T {
    if span.is_disabled() {
        return request.await;
    }
    CALL.scope(span.clone(), request.instrument(span.clone()))
        .await
}

pub(crate) fn answered(response: &HttpResponse) {
    // without a span nothing is traced
    let _: Result<(), _> = CALL.try_with(|span| {
        let headers = response.headers();
        let id = headers
            .get("x-amzn-requestid")
            .or_else(|| headers.get("x-amz-request-id"));
        if let Some(id) = id {
            span.record("aws.request_id", id);
        }
        span.record("http.response.status_code", response.status().as_u16());
    });
}

/// Records a failure by kind and AWS's error name. Messages may name people.
pub(crate) fn failed(span: &Span, failure: &CallFailure) {
    match &failure.code {
        Some(code) => span.record("error.type", code.as_str()),
        None => span.record("error.type", display(failure.outcome())),
    };
}
