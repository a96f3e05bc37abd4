//! A row of the activity table: what makes it the one it is, and what is known of it.

use std::collections::BTreeSet;

use hallpass_base::Timestamp;
use jiff::civil::Date;

use super::principal::ActivityPrincipal;

/// How many samples a row keeps of resources, and of addresses.
pub const SAMPLES_MAX: usize = 5;
/// Longer texts are no samples.
const SAMPLE_BYTES_MAX: usize = 512;

/// What makes a row the one it is (`inventory.md` H-21).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActivityKey {
    /// The day, in UTC.
    pub day: Date,
    /// The account in which it was done.
    pub account_id: String,
    /// The Region.
    pub region: String,
    /// Who did it.
    pub principal: ActivityPrincipal,
    /// The service, without `.amazonaws.com`.
    pub service: String,
    /// The event's name.
    pub action: String,
    /// Why it was not done.
    pub error_code: Option<String>,
}

/// A few of many texts: the first in their order, and so the same in whichever order they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SampleSet(BTreeSet<String>);

impl SampleSet {
    /// These, as far as they have room.
    pub fn of(texts: impl IntoIterator<Item = String>) -> Self {
        let mut samples = Self::default();
        texts.into_iter().for_each(|it| samples.add(it));
        samples
    }

    pub(super) fn add(&mut self, text: String) {
        if text.is_empty() || text.len() > SAMPLE_BYTES_MAX {
            return;
        }
        self.0.insert(text);
        while self.0.len() > SAMPLES_MAX {
            self.0.pop_last();
        }
    }

    fn join(&mut self, other: Self) {
        other.0.into_iter().for_each(|it| self.add(it));
    }

    /// The texts, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// What is known of a row. Joining is that of sets: order and repetition make no difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityFacts {
    /// The fingerprints of its events, each once: as many as there are events.
    pub events: BTreeSet<u64>,
    /// The first.
    pub first_seen: Timestamp,
    /// The last.
    pub last_seen: Timestamp,
    /// Whether it writes; unknown where no record says it.
    pub is_write: Option<bool>,
    /// ARNs of what it was done to.
    pub resources: SampleSet,
    /// From where.
    pub source_addresses: SampleSet,
}

/// What is known of a row without its events one by one: only how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityTotals {
    /// How many events.
    pub events: u64,
    /// The first.
    pub first_seen: Timestamp,
    /// The last.
    pub last_seen: Timestamp,
    /// Whether it writes; unknown where no record says it.
    pub is_write: Option<bool>,
    /// ARNs of what it was done to.
    pub resources: SampleSet,
    /// From where.
    pub source_addresses: SampleSet,
}

impl ActivityTotals {
    /// Both together, of events that are not the same.
    pub(super) fn join(&mut self, other: Self) {
        self.events += other.events;
        self.first_seen = self.first_seen.min(other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
        self.is_write = self.is_write.max(other.is_write);
        self.resources.join(other.resources);
        self.source_addresses.join(other.source_addresses);
    }
}

impl ActivityFacts {
    /// The same without the events.
    pub fn totals(&self) -> ActivityTotals {
        ActivityTotals {
            events: self.count(),
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            is_write: self.is_write,
            resources: self.resources.clone(),
            source_addresses: self.source_addresses.clone(),
        }
    }

    /// How many events.
    pub fn count(&self) -> u64 {
        self.events.len() as u64
    }

    /// Both together.
    pub fn join(&mut self, mut other: Self) {
        // one by one into the larger set: to append sets makes both anew, which for one event is all that were there
        if other.events.len() > self.events.len() {
            std::mem::swap(&mut self.events, &mut other.events);
        }
        self.events.extend(other.events);
        self.first_seen = self.first_seen.min(other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
        self.is_write = self.is_write.max(other.is_write);
        self.resources.join(other.resources);
        self.source_addresses.join(other.source_addresses);
    }
}
