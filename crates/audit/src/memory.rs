//! What a witness keeps between looks, and between runs.

use std::collections::BTreeSet;

use hallpass_base::{TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};

use crate::alarm::{Alarm, AlarmKind, alarm};

/// How long records may grow without a head (`access.md` V-2), and how long an export may stay
/// unreadable: heads are published every hour.
pub(crate) const SILENCE_MAX: TimeSpan = TimeSpan::hours(3);

/// The newest head that held, as it must still be found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// Its object.
    pub key: String,
    /// SHA-256 of that object's bytes.
    pub sha256: String,
    /// Number of its record.
    pub seq: u64,
    /// Hash of its record.
    pub hash: String,
    /// When it was published, by the server's clock.
    pub at: Timestamp,
    /// Whether it is signed: after one that is, none may be unsigned.
    pub signed: bool,
    /// Its record's object.
    pub record: String,
    /// The instant of its record.
    pub record_at: Timestamp,
}

/// What a witness keeps between looks, and between runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WitnessMemory {
    /// When it first looked: of what was changed before, it knows nothing.
    pub began_at: Timestamp,
    /// The first record that it has seen; `None` before there was one.
    pub first: Option<u64>,
    /// The log, once a head has named it.
    pub log: Option<String>,
    /// The newest head that held.
    pub head: Option<Remembered>,
    /// The last of the keys whose heads were judged: by the clocks of several servers it may be another than that of the
    /// newest. `None` as kept before there was this; then it is that of the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heads_to: Option<String>,
    /// Keys after that whose heads were judged, too: a server's clock was ahead when it published them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub heads_ahead: BTreeSet<String>,
    /// Since when there are records that no head stands for.
    pub uncovered_since: Option<Timestamp>,
    /// When it last could read the export to its end.
    pub looked_at: Timestamp,
    /// The last record whose statement was also written where others find it.
    pub published: u64,
}

impl WitnessMemory {
    /// Of a witness who looks for the first time.
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

    /// Reads what was kept.
    ///
    /// # Errors
    /// What of it cannot be read.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// The text to keep.
    ///
    /// # Errors
    /// When it has none.
    pub fn text(&self) -> Result<String, String> {
        serde_json::to_string_pretty(self).map_err(|error| error.to_string())
    }

    /// Whether the export could not be read for so long that somebody has to look.
    pub fn blind(&self, now: Timestamp) -> Option<Alarm> {
        let since = self.looked_at;
        (SILENCE_MAX.after(since) <= now).then(|| {
            let seq = self.head.as_ref().map_or(0, |head| head.seq);
            let detail = format!("nothing could be read since {since}");
            alarm(AlarmKind::Silence, seq + 1, detail)
        })
    }
}
