//! The envelope that `EventBridge` puts around an event.

use jiff::Timestamp;
use serde_json::Value;

use crate::events::record::EventKey;

/// An event as `EventBridge` delivers it ("Events in Amazon `EventBridge`").
#[derive(Clone, Debug, PartialEq)]
pub struct OrganizationEvent {
    /// The same whenever the event is delivered again.
    pub id: EventKey,
    /// Who says it: `aws.securityhub`.
    pub source: String,
    /// What it says.
    pub detail_type: String,
    /// The account that it was sent from; empty where it is not said.
    pub account: String,
    /// The Region that it was sent from; empty where it is not said.
    pub region: String,
    /// When it happened.
    pub time: Option<Timestamp>,
    /// What happened; its form is the source's.
    pub detail: Value,
}

/// Text that is no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableEvent {
    /// The body is no JSON.
    #[error("the message is no JSON: {0}")]
    Syntax(String),
    /// A notification of SNS without a message in it.
    #[error("the notification has no `Message`")]
    NoMessage,
    /// A member that every event has.
    #[error("the event has no `{0}`")]
    Missing(&'static str),
}

/// Reads the body of a message: the envelope, or a notification of SNS around it.
///
/// # Errors
/// It is no event.
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
