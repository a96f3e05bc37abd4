//! What the intake needs from outside.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::events::envelope::OrganizationEvent;
use crate::events::record::{EventKey, EventRecord};

/// The queue did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("queue: {0}")]
pub struct QueueFault(pub String);

/// The memory did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("store: {0}")]
pub struct EventMemoryFault(pub String);

/// A message of the queue, invisible to others for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedMessage {
    /// The id of the message: the same at each delivery.
    pub id: String,
    /// What this delivery is deleted and extended by.
    pub receipt: String,
    /// What was sent.
    pub body: String,
    /// How often it was delivered, this time included.
    pub deliveries: u32,
}

/// A queue that delivers at least once, in any order, and again what was not deleted in time.
#[async_trait]
pub trait EventQueue: Send + Sync {
    /// Up to `most` messages, which nobody else gets for as long as `hidden`; waits up to `wait` for the first. A
    /// stop after it leaves them to come again.
    async fn receive(
        &self,
        most: usize,
        wait: Duration,
        hidden: Duration,
    ) -> Result<Vec<QueuedMessage>, QueueFault>;

    /// Deletes deliveries. May be repeated; one that is gone already is no fault.
    async fn delete(&self, receipts: &[String]) -> Result<(), QueueFault>;

    /// Lets deliveries come again after so long from now, zero: at once. May be repeated.
    async fn hide(&self, receipts: &[String], long: Duration) -> Result<(), QueueFault>;

    /// Waits.
    async fn pause(&self, long: Duration);
}

/// Remembers what became of events.
#[async_trait]
pub trait EventMemory: Send + Sync {
    /// Those of these that were handled or parked since then, and need no work. May be repeated.
    async fn known(
        &self,
        keys: &[EventKey],
        since: Timestamp,
    ) -> Result<BTreeSet<EventKey>, EventMemoryFault>;

    /// Stores records, in place of earlier ones of the same events, all or none. May be repeated.
    async fn remember(&self, records: &[EventRecord]) -> Result<(), EventMemoryFault>;

    /// Forgets handled events from before then; parked ones stay. May be repeated.
    async fn forget(&self, before: Timestamp) -> Result<(), EventMemoryFault>;

    /// What is parked, oldest first, up to `most`. May be repeated.
    async fn parked(&self, most: usize) -> Result<Vec<EventRecord>, EventMemoryFault>;
}

/// What a handler made of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandledEvent {
    /// Done, in some words.
    Done(String),
    /// Not now: the message comes again.
    Again(String),
    /// Never: the event is parked.
    Refused(String),
}

impl HandledEvent {
    /// What two handlers make of one event: it comes again where one of them wants that, and is parked where one of
    /// them cannot handle it.
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

/// Who knows what events of a kind mean. Handling one again must do no harm: a stop before its outcome is stored
/// brings it again.
#[async_trait]
pub trait EventHandler: Send + Sync {
    /// Whether such events are for it.
    fn takes(&self, source: &str, detail_type: &str) -> bool;

    /// Handles events together, all of which it takes; what came of each, in their order.
    async fn handle(&self, events: &[OrganizationEvent]) -> Vec<HandledEvent>;
}
