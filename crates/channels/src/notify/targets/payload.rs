//! What programs get: the body of a webhook's call, within what SNS and SQS take.

use crate::wording::alert::short_text;
use hallpass_access::AlertContext;
use hallpass_aws_model::facts;
use serde_json::{Map, Value, json};

use crate::notify::webhook::{alert_body, alert_delivery_id, shown};

/// What attributes of a message take at most, in bytes.
const ATTRIBUTES_BYTES: usize = 4 * 1024;
/// The longest message of a topic, which is no longer than that of a queue, less what its attributes take.
pub(super) const MESSAGE_BYTES_MAX: usize = facts::TOPIC_MESSAGE_BYTES.count() - ATTRIBUTES_BYTES;

/// What a message of a topic or a queue is made of.
pub(super) struct Payload {
    /// The same for every repetition.
    pub(super) id: String,
    /// The rule: messages of one keep their order.
    pub(super) rule: String,
    /// The body; `None` in `rows` where they are left out.
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

    /// The text for people.
    pub(super) fn text(&self) -> &str {
        let text = self.body.get("text").and_then(Value::as_str);
        text.unwrap_or_default()
    }

    /// The same with the numbers of rows alone.
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

    /// What receivers filter and deduplicate by, as attributes of a message.
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

    /// What a first-in-first-out queue or topic wants, too: within five minutes it takes a message once, and it keeps
    /// the order of a rule's messages.
    pub(super) fn add_order(&self, input: &mut Map<String, Value>) {
        input.insert("MessageGroupId".to_owned(), self.rule.as_str().into());
        let id = self.id.as_str();
        input.insert("MessageDeduplicationId".to_owned(), id.into());
    }
}
