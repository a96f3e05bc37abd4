use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::events::envelope::OrganizationEvent;
use crate::events::record::{EventKey, EventRecord};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("queue: {0}")]
pub struct QueueFault(pub String);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("store: {0}")]
pub struct EventMemoryFault(pub String);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedMessage {
    /// Stable over redeliveries.
    pub id: String,
    pub receipt: String,
    pub body: String,
    /// Including this one.
    pub deliveries: u32,
}

/// An at-least-once, unordered queue; redelivers undeleted messages.
#[async_trait]
pub trait EventQueue: Send + Sync {
    /// Receives up to `most` messages, hidden from others for `hidden`; waits up to `wait` for the
    /// first. A crash afterwards redelivers them.
    async fn receive(
        &self,
        most: usize,
        wait: Duration,
        hidden: Duration,
    ) -> Result<Vec<QueuedMessage>, QueueFault>;

    /// Repeatable; ignores missing deliveries.
    async fn delete(&self, receipts: &[String]) -> Result<(), QueueFault>;

    /// Makes deliveries visible after `long`; zero: immediately. Repeatable.
    async fn hide(&self, receipts: &[String], long: Duration) -> Result<(), QueueFault>;

    async fn pause(&self, long: Duration);
}

#[async_trait]
pub trait EventMemory: Send + Sync {
    /// Returns events handled or parked since then. Repeatable.
    async fn known(
        &self,
        keys: &[EventKey],
        since: Timestamp,
    ) -> Result<BTreeSet<EventKey>, EventMemoryFault>;

    /// Upserts records atomically. Repeatable.
    async fn remember(&self, records: &[EventRecord]) -> Result<(), EventMemoryFault>;

    /// Deletes older handled events; parked ones stay. Repeatable.
    async fn forget(&self, before: Timestamp) -> Result<(), EventMemoryFault>;

    /// Returns parked events, oldest first. Repeatable.
    async fn parked(&self, most: usize) -> Result<Vec<EventRecord>, EventMemoryFault>;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandledEvent {
    Done(String),
    Again(String),
    Refused(String),
}

impl HandledEvent {
    /// Combines results of two handlers: retry wins, then refusal.
    pub(crate) fn and(self, other: Self) -> Self {
        let both = |one: String, other: String| format!("{one}; {other}");
        match (self, other) {
            (Self::Again(one), Self::Again(other)) => Self::Again(both(one, other)),
            (Self::Refused(one), Self::Refused(other)) => Self::Refused(both(one, other)),
            (Self::Done(one), Self::Done(other)) => Self::Done(both(one, other)),
            (Self::Again(why), Self::Done(_) | Self::Refused(_))
            | (Self::Done(_) | Self::Refused(_), Self::Again(why)) => Self::Again(why),
            (Self::Refused(why), Self::Done(_)) | (Self::Done(_), Self::Refused(why)) => {
                Self::Refused(why)
            }
        }
    }
}

/// Handles a kind of event. Must be idempotent: a crash before the outcome is stored redelivers it.
#[async_trait]
pub trait EventHandler: Send + Sync {
    fn takes(&self, source: &str, detail_type: &str) -> bool;

    /// Returns results in event order.
    async fn handle(&self, events: &[OrganizationEvent]) -> Vec<HandledEvent>;
}
