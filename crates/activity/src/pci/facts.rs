use std::collections::BTreeMap;

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};

use super::events::{CountedEvent, EventMeaning};

/// Failed verifications counted per person.
const FAILED_MAX: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct NewestEvent {
    pub(crate) at: Timestamp,
    pub(crate) name: String,
    pub(crate) event_id: String,
}

/// Newest facts about a user or name (`inventory.md` H-10).
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
    /// Failed verifications: time by event fingerprint.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) failed: BTreeMap<u64, Timestamp>,
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

    /// Merges both; order and repetition do not matter.
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

    /// Drops earlier facts, to the second, the log's precision.
    pub(crate) fn since(mut self, from: Timestamp) -> Self {
        for slot in self.slots() {
            if slot
                .as_ref()
                .is_some_and(|it| it.at.as_second() < from.as_second())
            {
                *slot = None;
            }
        }
        self.failed
            .retain(|_, at| at.as_second() >= from.as_second());
        self
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.newest().is_none() && self.failed.is_empty()
    }

    pub(crate) fn newest(&self) -> Option<Timestamp> {
        let mut copy = self.clone();
        copy.slots()
            .into_iter()
            .filter_map(|it| Some(it.as_ref()?.at))
            .max()
    }

    pub(crate) fn of(event: &CountedEvent, fingerprint: u64) -> Self {
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
                facts.failed.insert(fingerprint, event.at);
            }
            EventMeaning::Verification { failed: false }
            | EventMeaning::Challenge
            | EventMeaning::Updated => {}
        }
        facts
    }
}
