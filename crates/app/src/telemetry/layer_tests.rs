use opentelemetry_sdk::logs::SdkLoggerProvider;
use tokio::sync::mpsc::Receiver;
use tracing_subscriber::layer::SubscriberExt as _;

use opentelemetry::logs::LoggerProvider as _;

use super::*;
use crate::telemetry::ids::Share;
use crate::telemetry::queue::{Signal, queue};
use crate::telemetry::sending::{placed, traced};

const FIRST: &str = "req_0199f0aa12347c3d8e5f0123456789ab";
const SECOND: &str = "req_0199f0aa56787c3d9e5f0123456789cd";

fn told(share: f64, tell: impl FnOnce()) -> (Vec<SpanData>, Receiver<ReportedRecord>) {
    let (spans, mut spans_out) = queue(Signal::Traces);
    let (records, records_out) = queue(Signal::Logs);
    let scope = InstrumentationScope::builder("hallpass").build();
    let layer = TelemetryLayer {
        spans: Some(spans),
        records: Some(records),
        scope: scope.clone(),
        logger: SdkLoggerProvider::builder()
            .build()
            .logger_with_scope(scope),
    };
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), tell);
    let mut found = Vec::new();
    while let Ok(span) = spans_out.try_recv() {
        found.push(placed(&span));
    }
    found.retain(|it| Share::new(share).takes(it.span_context.trace_id()));
    (found, records_out)
}

fn call() -> tracing::Span {
    tracing::info_span!(
        target: SPANS,
        "http call",
        otel.name = "POST /requests",
        otel.kind = "server",
        otel.link = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        http.response.status_code = tracing::field::Empty,
    )
}

fn begins(request: &str) {
    tracing::info!(
        target: STEPS,
        { otel.name = "access request", begins = true, hallpass.request.id = request },
        "a request begins"
    );
}

fn step(name: &str, request: &str) {
    tracing::info!(
        target: STEPS,
        { otel.name = name, hallpass.request.id = request, user.id = None::<&str> },
        "a record"
    );
}

fn work() -> tracing::Span {
    tracing::info_span!(target: SPANS, "assignment work")
}

fn inner() -> tracing::Span {
    tracing::info_span!(target: INNER_SPANS, "aws call", otel.kind = "client", error.type = tracing::field::Empty)
}

fn named<'a>(spans: &'a [SpanData], name: &str) -> &'a SpanData {
    let mut found = spans.iter().filter(|it| it.name == name);
    let one = found.next().unwrap_or_else(|| panic!("no {name}"));
    assert!(found.next().is_none(), "two of {name}");
    one
}

fn id(span: &SpanData) -> SpanId {
    span.span_context.span_id()
}

fn trace(span: &SpanData) -> String {
    span.span_context.trace_id().to_string()
}

fn trace_of(request: &str) -> String {
    request.trim_start_matches("req_").to_owned()
}

#[test]
fn a_call_that_begins_a_request_is_the_root_of_its_trace() {
    let (spans, _) = told(1.0, || {
        let call = call();
        call.in_scope(|| {
            inner().in_scope(|| {});
            begins(FIRST);
            step("request.created", FIRST);
        });
        call.record("http.response.status_code", 201_u16);
    });
    assert_eq!(spans.len(), 4);
    assert!(spans.iter().all(|it| trace(it) == trace_of(FIRST)));
    let root = named(&spans, "POST /requests");
    assert_eq!(root.parent_span_id, SpanId::INVALID);
    assert_eq!(root.span_kind, SpanKind::Server);
    assert_eq!(root.links.len(), 1);
    assert!(root.links[0].span_context.is_remote());
    let status = opentelemetry::KeyValue::new("http.response.status_code", 201);
    assert_eq!(root.attributes, [status]);
    let begin = named(&spans, "access request");
    assert_eq!(begin.parent_span_id, id(root));
    assert_eq!(id(begin).to_string(), "8e5f0123456789ab");
    assert_eq!(named(&spans, "request.created").parent_span_id, id(root));
}

#[test]
fn what_comes_later_stands_under_the_beginning_wherever_it_is_done() {
    let (spans, _) = told(1.0, || {
        call().in_scope(|| step("request.approved", FIRST));
        step("grant.succeeded", FIRST);
        work().in_scope(|| {
            current::join([FIRST.parse().unwrap(), SECOND.parse().unwrap()]);
            let inner = inner();
            inner.in_scope(|| {});
            inner.record("error.type", "ConflictException");
        });
    });
    let begin = ids::begin_of(FIRST.parse().unwrap());
    for name in ["POST /requests", "grant.succeeded", "assignment work"] {
        let span = named(&spans, name);
        assert_eq!((trace(span), span.parent_span_id), (trace_of(FIRST), begin));
    }
    let work = named(&spans, "assignment work");
    let [other] = work.links.links.as_slice() else {
        panic!("{:?}", work.links);
    };
    assert_eq!(other.span_context.trace_id().to_string(), trace_of(SECOND));
    let inner = named(&spans, "aws call");
    assert_eq!(
        (trace(inner), inner.parent_span_id),
        (trace_of(FIRST), id(work))
    );
    assert_eq!(inner.status, Status::error(""));
    assert_eq!(work.status, Status::Unset);
}

#[test]
fn requests_asked_for_together_have_a_trace_each() {
    let (spans, _) = told(1.0, || {
        call().in_scope(|| {
            begins(FIRST);
            begins(SECOND);
            step("request.created", SECOND);
        });
    });
    let root = named(&spans, "POST /requests");
    let of_second: Vec<_> = spans
        .iter()
        .filter(|it| trace(it) == trace_of(SECOND))
        .collect();
    let [begin, created] = of_second.as_slice() else {
        panic!("{of_second:?}");
    };
    assert_eq!(begin.parent_span_id, SpanId::INVALID);
    assert_eq!(begin.links[0].span_context.span_id(), id(root));
    assert_eq!(created.parent_span_id, id(begin));
}

#[test]
fn looking_for_work_in_vain_and_calls_of_nobody_are_not_sent() {
    let (spans, _) = told(1.0, || {
        work().in_scope(|| {});
        inner().in_scope(|| {});
        tracing::info_span!(target: "hallpass_aws", "other").in_scope(|| {});
        step("alert.muted", "no request");
    });
    assert_eq!(spans.len(), 0, "{spans:?}");
    let (spans, _) = told(1.0, || work().in_scope(|| inner().in_scope(|| {})));
    assert_eq!(trace(&spans[0]), trace(&spans[1]));
}

#[test]
fn a_trace_is_sent_whole_or_not_at_all() {
    let (spans, mut records) = told(0.0, || {
        call().in_scope(|| {
            begins(FIRST);
            tracing::warn!(target: "hallpass_server", "said");
        });
    });
    assert_eq!(spans.len(), 0);
    assert!(records.try_recv().is_ok());
}

#[test]
fn a_record_of_the_log_is_in_the_trace_that_its_call_turns_out_to_be_of() {
    let (spans, mut records) = told(1.0, || {
        call().in_scope(|| {
            assert_eq!(current::within(), None);
            tracing::warn!(target: "hallpass_server", count = 3_u64, why = %"so", "said before");
            begins(FIRST);
            assert!(current::within().is_some_and(|(trace, _)| trace == trace_of(FIRST)));
        });
        assert_eq!(current::within(), None);
        tracing::info!(target: "hallpass_app::telemetry::sending", "of our own sending");
        tracing::error!(target: "hallpass_server", "said outside");
    });
    let first = traced(&records.try_recv().unwrap());
    let context = first.trace_context().unwrap();
    assert_eq!(context.trace_id.to_string(), trace_of(FIRST));
    assert_eq!(context.span_id, id(named(&spans, "POST /requests")));
    assert_eq!(first.severity_number(), Some(Severity::Warn));
    let words: Vec<String> = first
        .attributes_iter()
        .map(|(key, value)| format!("{key} {value:?}"))
        .collect();
    assert_eq!(words.len(), 2, "{words:?}");
    assert!(words[0].starts_with("count Int(3)"), "{words:?}");
    let second = traced(&records.try_recv().unwrap());
    assert!(second.trace_context().is_none());
    assert_eq!(second.severity_number(), Some(Severity::Error));
    assert!(records.try_recv().is_err());
}
