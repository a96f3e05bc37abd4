//! What a run leaves for the next, so that a log is read once (`inventory.md` H-10).

use std::collections::{BTreeMap, BTreeSet};

use hallpass_model::{TimeSpan, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::fold::{PciFold, SubjectFacts};
use super::identity::EventSubject;
use super::lookup::{LookupPass, LookupWatermarks};
use super::people::{PciPerson, PeopleList, PersonStatus, SignInPlace};

/// The newest form of what is kept: the second has watermarks.
const VERSION: u32 = 2;
/// What is known of people who are gone is kept so long.
const GONE_KEPT: TimeSpan = TimeSpan::hours(400 * 24);

/// What a run knew at its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PciState {
    version: u32,
    /// The store whose people it is about.
    pub identity_store_id: String,
    /// The instant it looked from.
    pub as_of: Timestamp,
    /// Since when the log was read without a gap.
    pub coverage_from: Option<Timestamp>,
    people: Vec<PciPerson>,
    /// When somebody listed the people.
    listed_at: Timestamp,
    known: Vec<KnownSubject>,
    /// Until when events were looked up.
    #[serde(default, skip_serializing_if = "LookupWatermarks::is_empty")]
    pub(crate) looked_up: LookupWatermarks,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KnownSubject {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    facts: SubjectFacts,
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
fn version(looked_up: &LookupWatermarks) -> u32 {
    if looked_up.is_empty() { 1 } else { VERSION }
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

    /// What is known after a run. People who were listed now are those; else those of before, with what happened
    /// since.
    pub fn after(
        fold: &PciFold,
        listed: Option<&PeopleList>,
        coverage_from: Option<Timestamp>,
    ) -> Option<Self> {
        let as_of = fold.as_of();
        let earlier = fold.earlier();
        let people = match listed {
            Some(list) => &list.people,
            None => &earlier?.people,
        };
        let listed_at = match listed {
            Some(_) => as_of,
            None => earlier?.listed_at,
        };
        let gone_before = GONE_KEPT.before(as_of);
        let ids: BTreeSet<&UserId> = people.iter().map(|it| &it.user_id).collect();
        let is_kept = |subject: &EventSubject, facts: &SubjectFacts| {
            let is_person = match subject {
                EventSubject::User(id) => ids.contains(id),
                EventSubject::Name(_) => false,
            };
            is_person || facts.newest().is_none_or(|at| at >= gone_before)
        };
        let known = fold.facts.iter().filter(|it| is_kept(it.0, it.1));
        let known = known.map(|(subject, facts)| {
            let (user_id, name) = match subject {
                EventSubject::User(id) => (Some(id.clone()), None),
                EventSubject::Name(name) => (None, Some(name.clone())),
            };
            KnownSubject {
                user_id,
                name,
                facts: facts.clone(),
            }
        });
        let looked_up = earlier.map(|it| it.looked_up.clone()).unwrap_or_default();
        Some(Self {
            version: version(&looked_up),
            identity_store_id: fold.rules().identity_store_id.clone(),
            as_of,
            coverage_from,
            known: known.collect(),
            people: people.clone(),
            listed_at,
            looked_up,
        })
    }

    /// With passes of `LookupEvents` that were made to their end: the next run goes on from there.
    #[must_use]
    pub fn with_lookups(mut self, passes: &[LookupPass]) -> Self {
        self.looked_up = self.looked_up.after(passes);
        self.version = version(&self.looked_up);
        self
    }

    /// Since when the log is whole, of what this run read from `own` on together with what an earlier one did.
    pub fn joined_coverage(
        earlier: Option<&Self>,
        own: Option<Timestamp>,
        as_of: Timestamp,
    ) -> Option<Timestamp> {
        let Some((before, from)) = earlier.and_then(|it| Some((it, it.coverage_from?))) else {
            return own;
        };
        let meets = before.as_of == as_of || own.is_some_and(|it| it <= before.as_of);
        if meets {
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

    /// The people of the last list, with what the log says happened since: made, deleted, switched off and on.
    pub fn people(&self, fold: &PciFold) -> PeopleList {
        let since = |event: Option<&super::fold::NewestEvent>| {
            event.map(|it| it.at).filter(|at| *at > self.listed_at)
        };
        let listed: BTreeSet<&UserId> = self.people.iter().map(|it| &it.user_id).collect();
        let mut people = self.people.clone();
        for (subject, facts) in &fold.facts {
            let EventSubject::User(id) = subject else {
                continue;
            };
            if let (false, Some(at)) = (listed.contains(id), since(facts.created.as_ref())) {
                people.push(PciPerson {
                    user_id: id.clone(),
                    user_name: facts.created_as.clone().unwrap_or_else(|| id.to_string()),
                    created_at: Some(at),
                    status: PersonStatus::Enabled,
                    sign_in: SignInPlace::Directory,
                    emails: Vec::new(),
                });
            }
        }
        people.retain_mut(|person| {
            let facts = fold.facts.get(&EventSubject::User(person.user_id.clone()));
            let Some(facts) = facts else {
                return true;
            };
            let disabled = since(facts.disabled.as_ref());
            let enabled = since(facts.enabled.as_ref());
            if disabled > enabled {
                person.status = PersonStatus::Disabled;
            } else if enabled.is_some() {
                person.status = PersonStatus::Enabled;
            }
            since(facts.deleted.as_ref()).is_none()
        });
        PeopleList {
            identity_store_id: self.identity_store_id.clone(),
            people,
        }
    }
}
