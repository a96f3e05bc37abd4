use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// `EventBridge` ids have 36 characters.
const KEY_BYTES_MAX: usize = 256;

/// Prefix of message ids, distinct from event ids.
const OF_MESSAGE: &str = "message:";

/// Event id, or the message's if it has none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventKey(String);

impl EventKey {
    /// `None` if empty, too long, or with invalid characters.
    pub fn of_event(id: &str) -> Option<Self> {
        let fits = !id.is_empty()
            && id.len() <= KEY_BYTES_MAX
            && id.bytes().all(|it| it.is_ascii_graphic());
        let fits = fits && !id.starts_with(OF_MESSAGE);
        fits.then(|| Self(id.to_owned()))
    }

    /// For a message without an event.
    pub fn of_message(id: &str) -> Self {
        let plain: String = id.chars().filter(char::is_ascii_graphic).collect();
        let plain: String = plain.chars().take(KEY_BYTES_MAX).collect();
        Self(format!("{OF_MESSAGE}{plain}"))
    }

    pub fn is_of_message(key: &Self) -> bool {
        key.0.starts_with(OF_MESSAGE)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum EventState {
    /// Handled, or without a handler.
    Handled { outcome: String },
    /// Unhandled; the body is stored until a replay.
    Parked { why: String, body: String },
    /// A parked event on its way to the queue: the next delivery counts as the first.
    Replayed { why: String, body: String },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecord {
    pub key: EventKey,
    pub source: String,
    pub detail_type: String,
    pub at: Timestamp,
    #[serde(flatten)]
    pub state: EventState,
}

impl EventRecord {
    pub fn parked(&self) -> Option<(&str, &str)> {
        match &self.state {
            EventState::Parked { why, body } | EventState::Replayed { why, body } => {
                Some((why, body))
            }
            EventState::Handled { .. } => None,
        }
    }
}
