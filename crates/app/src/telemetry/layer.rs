//! Converts `tracing` events to OpenTelemetry spans and records.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use hallpass_base::traced::{INNER_SPANS, SPANS, STEPS};
use opentelemetry::InstrumentationScope;
use opentelemetry::logs::{LogRecord as _, Logger as _, Severity};
use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status, TraceId};
use opentelemetry_sdk::logs::SdkLogger;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level};
use tracing_subscriber::layer::Context;
use tracing_subscriber::{Layer, Registry};

use crate::telemetry::current::{self, CurrentSpan, Heard};
use crate::telemetry::fields::Fields;
use crate::telemetry::ids;
use crate::telemetry::queue::{Records, ReportedRecord, ReportedSpan, SpanPlace, Spans};
use crate::telemetry::trace::{Joins, Trace};

/// Own messages are not sent: they would cause more.
const OWN_TARGET: &str = "hallpass_app::telemetry";

pub(crate) struct TelemetryLayer {
    pub(crate) spans: Option<Spans>,
    pub(crate) records: Option<Records>,
    pub(crate) scope: InstrumentationScope,
    pub(crate) logger: SdkLogger,
}

struct OpenSpan {
    name: &'static str,
    start: SystemTime,
    parent: Option<SpanId>,
    this: CurrentSpan,
    fields: Fields,
}

impl OpenSpan {
    /// Returns whether it found no work.
    fn is_idle(&self) -> bool {
        let is_own = self.parent.is_none() && self.fields.kind.is_none();
        is_own && !self.this.heard.is_used() && self.this.trace.settled().is_none()
    }
}

impl Layer<Registry> for TelemetryLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, Registry>) {
        let (above, target) = (current::innermost(), attributes.metadata().target());
        let is_wanted = target == SPANS || target == INNER_SPANS && above.is_some();
        let Some(span) = context.span(id).filter(|_| is_wanted) else {
            return;
        };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(above) = &above {
            above.heard.used();
        }
        let parent = above.as_ref().map(|above| above.span);
        let open = OpenSpan {
            name: attributes.metadata().name(),
            start: now(),
            parent,
            this: CurrentSpan {
                trace: above.map_or_else(Arc::<Trace>::default, |above| above.trace),
                span: ids::any_span(),
                heard: Arc::<Heard>::default(),
            },
            fields,
        };
        span.extensions_mut().insert(open);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, Registry>) {
        let Some(span) = context.span(id) else {
            return;
        };
        if let Some(open) = span.extensions_mut().get_mut::<OpenSpan>() {
            values.record(&mut open.fields);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, Registry>) {
        let Some(span) = context.span(id) else {
            return;
        };
        if let Some(open) = span.extensions().get::<OpenSpan>() {
            current::enter(id, open.this.clone());
        }
    }

    fn on_exit(&self, id: &Id, _: Context<'_, Registry>) {
        current::exit(id);
    }

    fn on_close(&self, id: Id, context: Context<'_, Registry>) {
        let Some(span) = context.span(&id) else {
            return;
        };
        let open = span.extensions_mut().remove::<OpenSpan>();
        if let Some(open) = open.filter(|open| !open.is_idle()) {
            self.close(open);
        }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, Registry>) {
        let metadata = event.metadata();
        let mut fields = Fields::default();
        event.record(&mut fields);
        if metadata.target() == STEPS {
            self.step(fields);
        } else if !metadata.target().starts_with(OWN_TARGET) {
            self.record(event, fields);
        }
    }
}

impl TelemetryLayer {
    fn close(&self, open: OpenSpan) {
        let trace = open.this.trace;
        let place = if open.parent.is_some() {
            SpanPlace::Inside(trace)
        } else {
            // from here on no request can be assigned
            trace.settle();
            SpanPlace::Outermost(trace)
        };
        let links = open.fields.link.clone().into_iter();
        let links = links.chain(open.this.heard.links()).collect();
        let context = ids::context(TraceId::INVALID, open.this.span);
        let times = (open.start, now());
        let data = self.data((context, open.parent), open.name, times, links, open.fields);
        self.put(ReportedSpan { data, place });
    }

    fn put(&self, span: ReportedSpan) {
        if let Some(spans) = &self.spans {
            spans.put(span);
        }
    }

    /// Adds a request's step: an instant, because commits are atomic.
    fn step(&self, fields: Fields) {
        let Some(request) = fields.request else {
            return;
        };
        let begin = ids::begin_of(request);
        let (joins, id, under) = if fields.begins {
            (Joins::Beginning, begin, None)
        } else {
            (Joins::Later, ids::any_span(), Some(begin))
        };
        let (parent, link) = match current::innermost() {
            Some(current) => {
                current.heard.used();
                if current.trace.join(request, joins) {
                    (Some(current.span), None)
                } else {
                    let elsewhere = ids::context(current.trace.settle().id, current.span);
                    (under, Some(elsewhere))
                }
            }
            None => (under, None),
        };
        let at = now();
        let links = link.into_iter().collect();
        let context = ids::context(ids::trace_of(request), id);
        let data = self.data((context, parent), "step", (at, at), links, fields);
        self.put(ReportedSpan {
            data,
            place: SpanPlace::Known,
        });
    }

    fn data(
        &self,
        (span_context, parent): (SpanContext, Option<SpanId>),
        name: &'static str,
        (start_time, end_time): (SystemTime, SystemTime),
        links: Vec<SpanContext>,
        fields: Fields,
    ) -> SpanData {
        let mut named = SpanLinks::default();
        named.links = links.into_iter().map(Link::with_context).collect();
        SpanData {
            span_context,
            parent_span_id: parent.unwrap_or(SpanId::INVALID),
            parent_span_is_remote: false,
            span_kind: fields.kind.unwrap_or(SpanKind::Internal),
            name: fields.name.map_or(Cow::Borrowed(name), Cow::Owned),
            start_time,
            end_time,
            attributes: fields.attributes,
            dropped_attributes_count: fields.left_out,
            events: SpanEvents::default(),
            links: named,
            status: if fields.is_error {
                Status::error("")
            } else {
                Status::Unset
            },
            instrumentation_scope: self.scope.clone(),
        }
    }

    fn record(&self, event: &Event<'_>, fields: Fields) {
        let Some(records) = &self.records else {
            return;
        };
        let within = current::innermost();
        if let Some(current) = &within {
            current.heard.used();
        }
        let (metadata, at) = (event.metadata(), now());
        let mut record = self.logger.create_log_record();
        record.set_target(metadata.target());
        record.set_timestamp(at);
        record.set_observed_timestamp(at);
        record.set_severity_text(metadata.level().as_str());
        record.set_severity_number(severity(*metadata.level()));
        let (message, attributes) = fields.into_log();
        if let Some(message) = message {
            record.set_body(message.into());
        }
        record.add_attributes(attributes);
        records.put(ReportedRecord { record, within });
    }
}

fn severity(level: Level) -> Severity {
    match level {
        Level::TRACE => Severity::Trace,
        Level::DEBUG => Severity::Debug,
        Level::INFO => Severity::Info,
        Level::WARN => Severity::Warn,
        Level::ERROR => Severity::Error,
    }
}

fn now() -> SystemTime {
    hallpass_base::clock::now().into()
}

#[cfg(test)]
#[path = "layer_tests.rs"]
mod tests;
