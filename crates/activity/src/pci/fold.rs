//! What is known of each person, from events in any order: of everything the newest, by its own time. Adding an event
//! twice changes nothing, so that logs may overlap.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use hallpass_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::events::{CountedEvent, EventMeaning, IgnoredEvent, PciEvent, PciRules, event};
use super::identity::EventSubject;
use super::state::{PciState, StateError};
use crate::log::CloudTrailRecord;

/// Of so many events it is known which came twice; of more, copies are counted again.
const KNOWN_MAX: usize = 3_000_000;
/// Failed verifications that are counted of one person.
const FAILED_MAX: usize = 10_000;

/// The newest of some events.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct NewestEvent {
    pub(crate) at: Timestamp,
    pub(crate) name: String,
    pub(crate) event_id: String,
}

/// What events said of one user, or of a name (`inventory.md` H-10).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SubjectFacts {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<NewestEvent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sign_in: Option<NewestEvent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) used: Option<NewestEvent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) created: Option<NewestEvent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) created_as: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deleted: Option<NewestEvent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) disabled: Option<NewestEvent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) enabled: Option<NewestEvent>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) failed: BTreeSet<u64>,
}

impl SubjectFacts {
    fn slots(&mut self) -> [&mut Option<NewestEvent>; 7] {
        [
            &mut self.password,
            &mut self.sign_in,
            &mut self.used,
            &mut self.created,
            &mut self.deleted,
            &mut self.disabled,
            &mut self.enabled,
        ]
    }

    /// Both together. In which order, and how often, makes no difference.
    pub(crate) fn join(&mut self, mut other: Self) {
        let name = match (&self.created, &other.created) {
            (mine, theirs) if theirs > mine => other.created_as.take(),
            _ => self.created_as.take(),
        };
        self.created_as = name;
        for (mine, theirs) in self.slots().into_iter().zip(other.slots()) {
            if *theirs > *mine {
                *mine = theirs.take();
            }
        }
        self.failed.extend(other.failed);
        while self.failed.len() > FAILED_MAX {
            self.failed.pop_last();
        }
    }

    /// The instant of the newest event.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        let mut copy = self.clone();
        copy.slots()
            .into_iter()
            .filter_map(|it| Some(it.as_ref()?.at))
            .max()
    }

    fn of(event: &CountedEvent, fingerprint: u64) -> Self {
        let mut facts = Self::default();
        let newest = Some(NewestEvent {
            at: event.at,
            name: event.name.clone(),
            event_id: event.event_id.clone(),
        });
        match event.meaning {
            EventMeaning::Password => facts.password = newest,
            EventMeaning::SignIn => facts.sign_in = newest,
            EventMeaning::Use => facts.used = newest,
            EventMeaning::Created => {
                facts.created = newest;
                facts.created_as.clone_from(&event.user_name);
            }
            EventMeaning::Deleted => facts.deleted = newest,
            EventMeaning::Disabled => facts.disabled = newest,
            EventMeaning::Enabled => facts.enabled = newest,
            EventMeaning::Verification { failed: true } => {
                facts.failed.insert(fingerprint);
            }
            EventMeaning::Verification { failed: false }
            | EventMeaning::Challenge
            | EventMeaning::Updated => {}
        }
        facts
    }
}

/// How many events of this run were about somebody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SubjectCount {
    pub(crate) all: u64,
    pub(crate) uses: u64,
    pub(crate) not_activity: u64,
}

/// Everything that was read.
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
    /// Nothing yet.
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

    /// Goes on from what an earlier run knew.
    ///
    /// # Errors
    /// It is of another store, or of a later instant.
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

    /// What it goes by.
    pub fn rules(&self) -> &PciRules {
        &self.rules
    }

    /// The instant it looks from.
    pub fn as_of(&self) -> Timestamp {
        self.as_of
    }

    /// What an earlier run knew.
    pub fn earlier(&self) -> Option<&PciState> {
        self.earlier.as_ref()
    }

    /// Whether there were too many events to know of each whether it is a copy.
    pub fn counts_copies(&self) -> bool {
        self.known.len() >= KNOWN_MAX
    }

    /// Adds what a record says.
    pub fn add_record(&mut self, record: CloudTrailRecord) {
        let event = event(record, &self.rules, self.as_of);
        self.add(event);
    }

    pub(crate) fn event(&self, record: CloudTrailRecord) -> PciEvent {
        event(record, &self.rules, self.as_of)
    }

    pub(crate) fn add(&mut self, event: PciEvent) {
        if event.content == Err(IgnoredEvent::OtherEvent) {
            // another service has an event of this name: it was not asked for
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
