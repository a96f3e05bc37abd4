use std::collections::BTreeSet;

use hallpass_base::Timestamp;
use jiff::civil::Date;

use super::principal::ActivityPrincipal;

/// Samples of resources and of addresses, each.
pub const SAMPLES_MAX: usize = 5;
/// Longer texts are not sampled.
const SAMPLE_BYTES_MAX: usize = 512;

/// The identity of a row (`inventory.md` H-21).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActivityKey {
    pub day: Date,
    pub account_id: String,
    pub region: String,
    pub principal: ActivityPrincipal,
    /// Without `.amazonaws.com`.
    pub service: String,
    pub action: String,
    pub error_code: Option<String>,
}

/// A sample of texts: the first in sort order, so independent of arrival order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SampleSet(BTreeSet<String>);

impl SampleSet {
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

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// Merging is a set union: order and repetition do not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityFacts {
    /// Fingerprints of its events.
    pub events: BTreeSet<u64>,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    /// `None` if no record has it.
    pub is_write: Option<bool>,
    pub resources: SampleSet,
    pub source_addresses: SampleSet,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityTotals {
    pub events: u64,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    /// `None` if no record has it.
    pub is_write: Option<bool>,
    pub resources: SampleSet,
    pub source_addresses: SampleSet,
}

impl ActivityTotals {
    /// Adds totals of disjoint events.
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

    pub fn count(&self) -> u64 {
        self.events.len() as u64
    }

    pub fn join(&mut self, mut other: Self) {
        // Inserts into the larger set: appending would rebuild both, even for one event.
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
