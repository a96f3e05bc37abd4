//! What is kept of an event: that it was handled, or why nobody can.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The longest id that is kept; `EventBridge`'s have 36 characters.
const KEY_BYTES_MAX: usize = 256;

/// How ids of messages are told from those of events.
const OF_MESSAGE: &str = "message:";

/// What tells an event from all others: its own id, or that of its message where it has none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventKey(String);

impl EventKey {
    /// The id in an envelope. `None`: it is empty, too long, or has characters that no id has.
    pub fn of_event(id: &str) -> Option<Self> {
        let fits = !id.is_empty()
            && id.len() <= KEY_BYTES_MAX
            && id.bytes().all(|it| it.is_ascii_graphic());
        let fits = fits && !id.starts_with(OF_MESSAGE);
        fits.then(|| Self(id.to_owned()))
    }

    /// The id that the queue gave a message in which there is no event.
    pub fn of_message(id: &str) -> Self {
        let plain: String = id.chars().filter(char::is_ascii_graphic).collect();
        let plain: String = plain.chars().take(KEY_BYTES_MAX).collect();
        Self(format!("{OF_MESSAGE}{plain}"))
    }

    /// Whether it stands for a message in which there is no event.
    pub fn is_of_message(key: &Self) -> bool {
        key.0.starts_with(OF_MESSAGE)
    }

    /// As it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum EventState {
    /// It was handled, or nobody wanted it.
    Handled {
        /// In some words.
        outcome: String,
    },
    /// Nobody can handle it. Its body is kept until somebody sends it again.
    Parked {
        /// Why not.
        why: String,
        /// The body of the message.
        body: String,
    },
    /// It was parked, and is being sent to the queue again: the next delivery counts as the first.
    Replayed {
        /// Why it was parked.
        why: String,
        /// The body of the message.
        body: String,
    },
}

/// What is kept of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecord {
    /// Which event.
    pub key: EventKey,
    /// Its source, where it could be read.
    pub source: String,
    /// What it says, where it could be read.
    pub detail_type: String,
    /// When that was stored.
    pub at: Timestamp,
    /// What became of it.
    #[serde(flatten)]
    pub state: EventState,
}

impl EventRecord {
    /// Why nobody can handle it, and the body of its message.
    pub fn parked(&self) -> Option<(&str, &str)> {
        match &self.state {
            EventState::Parked { why, body } | EventState::Replayed { why, body } => {
                Some((why, body))
            }
            EventState::Handled { .. } => None,
        }
    }
}
