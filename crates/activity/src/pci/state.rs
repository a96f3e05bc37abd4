//! What a run leaves for the next, so that a log is read once (`inventory.md` H-10).

use std::collections::BTreeMap;

use hallpass_base::{Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::covered::CoveredLog;
use super::events::PciRules;
use super::facts::SubjectFacts;
use super::identity::EventSubject;
use super::lookup::{LookupPass, LookupWatermarks};
use super::people::PciPerson;

/// The newest form of what is kept: the second has watermarks, the third says of what the log was read.
const VERSION: u32 = 3;

/// What a run knew at its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PciState {
    pub(super) version: u32,
    /// The store whose people it is about.
    pub identity_store_id: String,
    /// The instant it looked from.
    pub as_of: Timestamp,
    /// Since when the log was read without a gap.
    pub coverage_from: Option<Timestamp>,
    pub(super) people: Vec<PciPerson>,
    /// When somebody listed the people.
    pub(super) listed_at: Timestamp,
    pub(super) known: Vec<KnownSubject>,
    /// Until when events were looked up.
    #[serde(default, skip_serializing_if = "LookupWatermarks::is_empty")]
    pub(crate) looked_up: LookupWatermarks,
    /// Of what the log was read since then; an earlier release did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) covered: Option<CoveredLog>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KnownSubject {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) user_id: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    pub(super) facts: SubjectFacts,
}

/// A state that this run cannot go on from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// It is no state.
    #[error("it is not what an earlier run kept: {0}")]
    Unreadable(String),
    /// A later release wrote it.
    #[error("it was written by a newer hallpass")]
    Newer,
    /// It is about other people.
    #[error("it is of the identity store `{0}`")]
    OtherStore(String),
    /// It knows events that this run must not.
    #[error("it was kept at {0}, after the instant that is asked about")]
    Later(Timestamp),
}

/// The oldest form that says it all, so that an earlier release goes on reading what it understands.
pub(super) fn version(looked_up: &LookupWatermarks, covered: Option<&CoveredLog>) -> u32 {
    match (covered, looked_up.is_empty()) {
        (Some(_), _) => VERSION,
        (None, false) => 2,
        (None, true) => 1,
    }
}

impl PciState {
    /// Reads what [`PciState::text`] wrote.
    ///
    /// # Errors
    /// It is something else, or of a later release.
    pub fn read(text: &str) -> Result<Self, StateError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let unreadable = |error: serde_json::Error| StateError::Unreadable(error.to_string());
        let versioned: Versioned = serde_json::from_str(text).map_err(unreadable)?;
        if versioned.version > VERSION {
            return Err(StateError::Newer);
        }
        serde_json::from_str(text).map_err(unreadable)
    }

    /// As text, the same for the same state.
    ///
    /// # Errors
    /// Never, for what this crate made.
    pub fn text(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }

    /// With passes of `LookupEvents` that were made to their end: the next run goes on from there.
    #[must_use]
    pub fn with_lookups(mut self, passes: &[LookupPass]) -> Self {
        self.looked_up = self.looked_up.after(passes);
        self.version = version(&self.looked_up, self.covered.as_ref());
        self
    }

    /// With what was read of the log, so that a later run that is about more does not take that for read.
    #[must_use]
    pub fn with_covered(mut self, covered: CoveredLog) -> Self {
        self.version = version(&self.looked_up, Some(&covered));
        self.covered = Some(covered);
        self
    }

    /// The additional Regions of the instance that were known.
    pub fn additional_regions(&self) -> Vec<String> {
        let covered = self.covered.iter();
        covered
            .flat_map(|it| it.additional_regions.iter().cloned())
            .collect()
    }

    /// The state, where a run about this goes on from it: it is about no more than what was read before. Else what was done
    /// where nobody looked would be taken for not done.
    pub fn goes_on<'a>(earlier: Option<&'a Self>, covered: &CoveredLog) -> Option<&'a Self> {
        earlier.filter(|it| it.covered.as_ref().is_some_and(|read| read.has(covered)))
    }

    /// Until when events of a name that count now were looked up in a Region.
    pub(crate) fn looked_up_until(
        &self,
        (region, name): (&str, &str),
        rules: &PciRules,
    ) -> Option<Timestamp> {
        let is_other = |read: &CoveredLog| !read.has_events(region, name, rules);
        if self.covered.as_ref().is_some_and(is_other) {
            return None;
        }
        self.looked_up.of(region, name)
    }

    /// Until when they are known, from files or otherwise.
    pub(crate) fn known_until(
        &self,
        (region, name): (&str, &str),
        rules: &PciRules,
    ) -> Option<Timestamp> {
        if !self.looked_up.is_empty() {
            return self.looked_up_until((region, name), rules);
        }
        let read = self.covered.as_ref()?;
        // it read files, which have all names
        read.has_events(region, name, rules).then_some(self.as_of)
    }

    /// Since when the log is whole, of what this run read from `own` on together with what an earlier one did. A day of which
    /// this run could not read a file, the last of them ends with `broken_until`, is not whole for having been read before:
    /// the file came later.
    pub fn joined_coverage(
        earlier: Option<&Self>,
        own: Option<Timestamp>,
        broken_until: Option<Timestamp>,
        as_of: Timestamp,
    ) -> Option<Timestamp> {
        let Some((before, from)) = earlier.and_then(|it| Some((it, it.coverage_from?))) else {
            return own;
        };
        let meets = before.as_of == as_of || own.is_some_and(|it| it <= before.as_of);
        let is_broken = broken_until.is_some_and(|it| it > from);
        if meets && !is_broken {
            Some(own.map_or(from, |it| it.min(from)))
        } else {
            own
        }
    }

    pub(crate) fn check(&self, store: &str, as_of: Timestamp) -> Result<(), StateError> {
        if self.identity_store_id != store {
            return Err(StateError::OtherStore(self.identity_store_id.clone()));
        }
        if self.as_of > as_of {
            return Err(StateError::Later(self.as_of));
        }
        Ok(())
    }

    pub(crate) fn facts(&self) -> BTreeMap<EventSubject, SubjectFacts> {
        let entries = self.known.iter().filter_map(|it| {
            let subject = match (&it.user_id, &it.name) {
                (Some(id), _) => EventSubject::User(id.clone()),
                (None, Some(name)) => EventSubject::Name(name.clone()),
                (None, None) => return None,
            };
            Some((subject, it.facts.clone()))
        });
        entries.collect()
    }
}
