//! The state between runs, so that a log is read once (`inventory.md` H-10).

use std::collections::BTreeMap;

use hallpass_base::{Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::covered::CoveredLog;
use super::events::PciRules;
use super::facts::SubjectFacts;
use super::identity::EventSubject;
use super::lookup::{LookupPass, LookupWatermarks};
use super::people::PciPerson;

/// Version 2 added watermarks, version 3 the extent of the log.
const VERSION: u32 = 3;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PciState {
    pub(super) version: u32,
    pub identity_store_id: String,
    pub as_of: Timestamp,
    /// Start of the gapless log.
    pub coverage_from: Option<Timestamp>,
    pub(super) people: Vec<PciPerson>,
    pub(super) listed_at: Timestamp,
    pub(super) known: Vec<KnownSubject>,
    #[serde(default, skip_serializing_if = "LookupWatermarks::is_empty")]
    pub(crate) looked_up: LookupWatermarks,
    /// The extent of the log; earlier releases did not store it.
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

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    #[error("it is not what an earlier run kept: {0}")]
    Unreadable(String),
    #[error("it was written by a newer hallpass")]
    Newer,
    #[error("it is of the identity store `{0}`")]
    OtherStore(String),
    /// Has events later than this run.
    #[error("it was stored at {0}, after the requested instant")]
    Later(Timestamp),
}

/// Returns the oldest sufficient version, so that earlier releases can read it.
pub(super) fn version(looked_up: &LookupWatermarks, covered: Option<&CoveredLog>) -> u32 {
    match (covered, looked_up.is_empty()) {
        (Some(_), _) => VERSION,
        (None, false) => 2,
        (None, true) => 1,
    }
}

impl PciState {
    /// Reads the output of [`PciState::text`].
    ///
    /// # Errors
    /// It is invalid, or from a later release.
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

    /// Deterministic.
    ///
    /// # Errors
    /// Never, for values of this crate.
    pub fn text(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }

    /// Adds completed `LookupEvents` passes for the next run.
    #[must_use]
    pub fn with_lookups(mut self, passes: &[LookupPass]) -> Self {
        self.looked_up = self.looked_up.after(passes);
        self.version = version(&self.looked_up, self.covered.as_ref());
        self
    }

    /// Sets the extent, so that a later run with a larger one does not rely on it.
    #[must_use]
    pub fn with_covered(mut self, covered: CoveredLog) -> Self {
        self.version = version(&self.looked_up, Some(&covered));
        self.covered = Some(covered);
        self
    }

    pub fn additional_regions(&self) -> Vec<String> {
        let covered = self.covered.iter();
        covered
            .flat_map(|it| it.additional_regions.iter().cloned())
            .collect()
    }

    /// Returns the earlier state if it covers this extent; otherwise unread activity would count as
    /// absent.
    pub fn goes_on<'a>(earlier: Option<&'a Self>, covered: &CoveredLog) -> Option<&'a Self> {
        earlier.filter(|it| it.covered.as_ref().is_some_and(|read| read.has(covered)))
    }

    pub(crate) fn looked_up_until(
        &self,
        region: &str,
        name: &str,
        rules: &PciRules,
    ) -> Option<Timestamp> {
        let is_other = |read: &CoveredLog| !read.has_events(region, name, rules);
        if self.covered.as_ref().is_some_and(is_other) {
            return None;
        }
        self.looked_up.of(region, name)
    }

    pub(crate) fn known_until(
        &self,
        region: &str,
        name: &str,
        rules: &PciRules,
    ) -> Option<Timestamp> {
        if !self.looked_up.is_empty() {
            return self.looked_up_until(region, name, rules);
        }
        let read = self.covered.as_ref()?;
        // Files contain all names.
        read.has_events(region, name, rules).then_some(self.as_of)
    }

    /// Merges this run's coverage, from `own` on, with the earlier one. A day with an unreadable
    /// file, up to `broken_until`, is incomplete even if read before: the file came later.
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
