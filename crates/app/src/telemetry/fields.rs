//! Converts span and event fields to OpenTelemetry.

use std::fmt;

use hallpass_base::RequestId;
use opentelemetry::logs::AnyValue;
use opentelemetry::trace::{SpanContext, SpanKind};
use opentelemetry::{Key, KeyValue, Value};
use tracing::field::{Field, Visit};

use crate::telemetry::ids;

const ATTRIBUTES_MAX: usize = 64;
const TEXT_BYTES_MAX: usize = 4096;

#[derive(Debug, Default)]
pub(crate) struct Fields {
    pub(crate) attributes: Vec<KeyValue>,
    pub(crate) left_out: u32,
    /// `message`.
    pub(crate) message: Option<String>,
    /// `otel.name`.
    pub(crate) name: Option<String>,
    /// `otel.kind`.
    pub(crate) kind: Option<SpanKind>,
    /// `otel.link`, the text of a `traceparent`.
    pub(crate) link: Option<SpanContext>,
    /// `hallpass.request.id`, an attribute too.
    pub(crate) request: Option<RequestId>,
    /// `begins`: whether a request begins.
    pub(crate) begins: bool,
    /// Whether there is an `error.type`, an attribute too.
    pub(crate) is_error: bool,
}

impl Fields {
    fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        let pair = KeyValue::new(name, value.into());
        if let Some(known) = self.attributes.iter_mut().find(|it| it.key == pair.key) {
            *known = pair;
        } else if self.attributes.len() < ATTRIBUTES_MAX {
            self.attributes.push(pair);
        } else {
            self.left_out += 1;
        }
    }

    fn text(&mut self, name: &'static str, text: &str) {
        let text = cut(text);
        match name {
            "message" => self.message = Some(text.to_owned()),
            "otel.name" => self.name = Some(text.to_owned()),
            "otel.kind" => self.kind = kind(text),
            "otel.link" => self.link = ids::caller(text),
            _ => {
                if name == "hallpass.request.id" {
                    self.request = text.parse().ok();
                }
                self.is_error |= name == "error.type";
                self.set(name, text.to_owned());
            }
        }
    }

    pub(crate) fn into_log(self) -> (Option<String>, Vec<(Key, AnyValue)>) {
        let pairs = self.attributes.into_iter().map(|it| {
            let value = match it.value {
                Value::Bool(value) => AnyValue::Boolean(value),
                Value::I64(value) => AnyValue::Int(value),
                Value::F64(value) => AnyValue::Double(value),
                other => AnyValue::String(other.as_str().into_owned().into()),
            };
            (it.key, value)
        });
        (self.message, pairs.collect())
    }
}

fn kind(word: &str) -> Option<SpanKind> {
    match word {
        "server" => Some(SpanKind::Server),
        "client" => Some(SpanKind::Client),
        _ => None,
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        match field.name() {
            "begins" => self.begins = value,
            name => self.set(name, value),
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.set(field.name(), value),
            Err(_) => self.text(field.name(), &value.to_string()),
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field.name(), &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        let long = format!("a{}", "é".repeat(TEXT_BYTES_MAX));
        assert_eq!(cut(&long).len(), TEXT_BYTES_MAX - 1);
        assert_eq!(cut("é"), "é");
    }

    #[test]
    fn attributes_are_bounded_and_the_last_of_a_name_counts() {
        let mut fields = Fields::default();
        fields.set("a", 1);
        fields.set("a", 2);
        assert_eq!(fields.attributes, [KeyValue::new("a", 2)]);
        let names: Vec<&'static str> = (0..ATTRIBUTES_MAX)
            .map(|n| &*Box::leak(n.to_string().into_boxed_str()))
            .collect();
        for name in names {
            fields.text(name, "x");
        }
        assert_eq!(
            (fields.attributes.len(), fields.left_out),
            (ATTRIBUTES_MAX, 1)
        );
    }
}
