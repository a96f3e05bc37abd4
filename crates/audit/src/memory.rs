//! The state a witness keeps between looks and runs.

use std::collections::BTreeSet;

use hallpass_base::{TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};

use crate::alarm::{Alarm, AlarmKind, alarm};

/// How long records may grow without a head (`access.md` V-2), and how long an export may stay
/// unreadable: heads are published every hour.
pub(crate) const SILENCE_MAX: TimeSpan = TimeSpan::hours(3);

/// The newest valid head, which must stay in the export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    pub key: String,
    pub sha256: String,
    pub seq: u64,
    pub hash: String,
    pub at: Timestamp,
    /// After a signed head, no head may be unsigned.
    pub signed: bool,
    pub record: String,
    pub record_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WitnessMemory {
    /// First look: earlier changes are undetectable.
    pub began_at: Timestamp,
    pub first: Option<u64>,
    pub log: Option<String>,
    pub head: Option<Remembered>,
    /// The last judged head key. With several servers' clocks it may differ from the newest head's.
    /// `None` in state from earlier releases: then use the newest head's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heads_to: Option<String>,
    /// Judged keys after `heads_to`: published by a server whose clock was ahead.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub heads_ahead: BTreeSet<String>,
    /// Since when there are records without a head that covers them.
    pub uncovered_since: Option<Timestamp>,
    /// When the export was last readable to its end.
    pub looked_at: Timestamp,
    /// The last record whose statement was also published.
    pub published: u64,
}

impl WitnessMemory {
    pub fn first_look(now: Timestamp) -> Self {
        Self {
            began_at: now,
            first: None,
            log: None,
            head: None,
            heads_to: None,
            heads_ahead: BTreeSet::new(),
            uncovered_since: None,
            looked_at: now,
            published: 0,
        }
    }

    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    pub fn text(&self) -> Result<String, String> {
        serde_json::to_string_pretty(self).map_err(|error| error.to_string())
    }

    /// Returns an alarm when the export was unreadable for too long.
    pub fn blind(&self, now: Timestamp) -> Option<Alarm> {
        let since = self.looked_at;
        (SILENCE_MAX.after(since) <= now).then(|| {
            let seq = self.head.as_ref().map_or(0, |head| head.seq);
            let detail = format!("nothing could be read since {since}");
            alarm(AlarmKind::Silence, seq + 1, detail)
        })
    }
}
