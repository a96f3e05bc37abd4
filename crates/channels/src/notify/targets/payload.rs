//! The JSON payload: a webhook's body, within the limits of SNS and SQS.

use crate::wording::alert::short_text;
use hallpass_access::AlertContext;
use hallpass_aws_model::facts;
use serde_json::{Map, Value, json};

use crate::notify::webhook::{alert_body, alert_delivery_id, shown};

const ATTRIBUTES_BYTES: usize = 4 * 1024;
/// A topic's limit, not above a queue's, minus the attributes.
pub(super) const MESSAGE_BYTES_MAX: usize = facts::TOPIC_MESSAGE_BYTES.count() - ATTRIBUTES_BYTES;

pub(super) struct Payload {
    pub(super) id: String,
    /// Ordering key: messages of a rule stay in order.
    pub(super) rule: String,
    pub(super) body: Value,
    severity: &'static str,
    news: &'static str,
}

impl Payload {
    pub(super) fn of(told: &AlertContext, public_url: &str) -> Self {
        let id = alert_delivery_id(told);
        Self {
            body: shown(&alert_body(told, &id, public_url)),
            id,
            rule: told.alert.alert.to_string(),
            severity: told.alert.severity.name(),
            news: match told.alert.news {
                hallpass_alerts::AlertNews::Rows(_) => "rows",
                hallpass_alerts::AlertNews::Blocked { .. } => "blocked",
            },
        }
    }

    pub(super) fn text(&self) -> &str {
        let text = self.body.get("text").and_then(Value::as_str);
        text.unwrap_or_default()
    }

    pub(super) fn without_rows(mut self, told: &AlertContext) -> Self {
        if let Some(text) = self.body.get_mut("text") {
            *text = short_text(&told.alert).into();
        }
        for list in ["new", "recovered", "still"] {
            let rows = self
                .body
                .pointer_mut(&format!("/alert/news/rows/{list}/rows"));
            if let Some(rows) = rows {
                *rows = json!([]);
            }
        }
        self
    }

    pub(super) fn attributes(&self) -> Value {
        let of = |value: &str| json!({ "DataType": "String", "StringValue": value });
        let attributes = [
            ("hallpass_delivery", self.id.as_str()),
            ("rule", &self.rule),
            ("severity", self.severity),
            ("news", self.news),
        ];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), of(value)));
        Value::Object(Map::from_iter(attributes))
    }

    /// Fields for FIFO queues and topics: five-minute deduplication, and order per rule.
    pub(super) fn add_order(&self, input: &mut Map<String, Value>) {
        input.insert("MessageGroupId".to_owned(), self.rule.as_str().into());
        let id = self.id.as_str();
        input.insert("MessageDeduplicationId".to_owned(), id.into());
    }
}
