//! Newest facts per person, from events in any order. Idempotent, so logs may overlap.

use std::collections::{BTreeMap, HashSet};

use hallpass_base::Timestamp;

use super::events::{EventMeaning, PciEvent, PciRules, event};
use super::facts::SubjectFacts;
use super::identity::EventSubject;
use super::ignored::IgnoredEvent;
use super::state::{PciState, StateError};
use crate::log::CloudTrailRecord;

/// Copies are detected among this many events; later copies count again.
const KNOWN_MAX: usize = 3_000_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SubjectCount {
    pub(crate) all: u64,
    pub(crate) uses: u64,
    pub(crate) not_activity: u64,
}

#[derive(Clone, Debug)]
pub struct PciFold {
    rules: PciRules,
    as_of: Timestamp,
    pub(crate) facts: BTreeMap<EventSubject, SubjectFacts>,
    pub(crate) counts: BTreeMap<EventSubject, SubjectCount>,
    known: HashSet<u64>,
    pub(crate) read: u64,
    pub(crate) duplicates: u64,
    pub(crate) ignored: BTreeMap<IgnoredEvent, u64>,
    pub(crate) earlier: Option<PciState>,
}

impl PciFold {
    pub fn new(rules: PciRules, as_of: Timestamp) -> Self {
        Self {
            rules,
            as_of,
            facts: BTreeMap::new(),
            counts: BTreeMap::new(),
            known: HashSet::new(),
            read: 0,
            duplicates: 0,
            ignored: BTreeMap::new(),
            earlier: None,
        }
    }

    /// Continues from an earlier state.
    ///
    /// # Errors
    /// It belongs to another store, or is newer than this run.
    pub fn resume(
        rules: PciRules,
        as_of: Timestamp,
        earlier: PciState,
    ) -> Result<Self, StateError> {
        earlier.check(&rules.identity_store_id, as_of)?;
        let mut fold = Self::new(rules, as_of);
        fold.facts = earlier.facts();
        fold.earlier = Some(earlier);
        Ok(fold)
    }

    pub fn rules(&self) -> &PciRules {
        &self.rules
    }

    pub fn as_of(&self) -> Timestamp {
        self.as_of
    }

    pub fn earlier(&self) -> Option<&PciState> {
        self.earlier.as_ref()
    }

    /// Whether there were too many events to detect all copies.
    pub fn counts_copies(&self) -> bool {
        self.known.len() >= KNOWN_MAX
    }

    pub fn add_record(&mut self, record: CloudTrailRecord) {
        let event = event(record, &self.rules, self.as_of);
        self.add(event);
    }

    pub(crate) fn event(&self, record: CloudTrailRecord) -> PciEvent {
        event(record, &self.rules, self.as_of)
    }

    pub(crate) fn add(&mut self, event: PciEvent) {
        if event.content == Err(IgnoredEvent::OtherEvent) {
            // Another service's event of this name.
            return;
        }
        self.read += 1;
        let is_known = if self.known.len() < KNOWN_MAX {
            !self.known.insert(event.fingerprint)
        } else {
            self.known.contains(&event.fingerprint)
        };
        if is_known {
            self.duplicates += 1;
            return;
        }
        let counted = match event.content {
            Ok(counted) => counted,
            Err(why) => {
                *self.ignored.entry(why).or_default() += 1;
                return;
            }
        };
        let facts = SubjectFacts::of(&counted, event.fingerprint);
        let count = self.counts.entry(counted.subject.clone()).or_default();
        count.all += 1;
        match counted.meaning {
            EventMeaning::Use => count.uses += 1,
            EventMeaning::Challenge | EventMeaning::Verification { .. } => count.not_activity += 1,
            EventMeaning::Password
            | EventMeaning::SignIn
            | EventMeaning::Created
            | EventMeaning::Deleted
            | EventMeaning::Disabled
            | EventMeaning::Enabled
            | EventMeaning::Updated => {}
        }
        self.facts.entry(counted.subject).or_default().join(facts);
    }
}
