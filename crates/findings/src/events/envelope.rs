use jiff::Timestamp;
use serde_json::Value;

use crate::events::record::EventKey;

/// An `EventBridge` event ("Events in Amazon `EventBridge`").
#[derive(Clone, Debug, PartialEq)]
pub struct OrganizationEvent {
    /// Stable over redeliveries.
    pub id: EventKey,
    pub source: String,
    pub detail_type: String,
    pub account: String,
    pub region: String,
    pub time: Option<Timestamp>,
    /// Depends on the source.
    pub detail: Value,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableEvent {
    #[error("the message is no JSON: {0}")]
    Syntax(String),
    /// An SNS notification without a message.
    #[error("the notification has no `Message`")]
    NoMessage,
    #[error("the event has no `{0}`")]
    Missing(&'static str),
}

pub fn read_event(body: &str) -> Result<OrganizationEvent, UnreadableEvent> {
    let outer = parse(body)?;
    let inner = match text(&outer, "Type") {
        Some("Notification") => {
            let message = text(&outer, "Message").ok_or(UnreadableEvent::NoMessage)?;
            parse(message)?
        }
        _ => outer,
    };
    let member = |name| {
        let found = text(&inner, name).filter(|it| !it.is_empty());
        found
            .map(str::to_owned)
            .ok_or(UnreadableEvent::Missing(name))
    };
    let optional = |name| text(&inner, name).unwrap_or_default().to_owned();
    let id = member("id")?;
    Ok(OrganizationEvent {
        id: EventKey::of_event(&id).ok_or(UnreadableEvent::Missing("id"))?,
        source: member("source")?,
        detail_type: member("detail-type")?,
        account: optional("account"),
        region: optional("region"),
        time: text(&inner, "time").and_then(|it| it.parse().ok()),
        detail: inner
            .get("detail")
            .cloned()
            .ok_or(UnreadableEvent::Missing("detail"))?,
    })
}

fn parse(text: &str) -> Result<Value, UnreadableEvent> {
    serde_json::from_str(text).map_err(|error| UnreadableEvent::Syntax(error.to_string()))
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}
