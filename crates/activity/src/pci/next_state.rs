//! Builds the next state: the old one, with the fold's newer facts.

use std::collections::BTreeSet;

use hallpass_base::{TimeSpan, Timestamp, UserId};

use super::facts::{NewestEvent, SubjectFacts};
use super::fold::PciFold;
use super::identity::EventSubject;
use super::people::{PciPerson, PeopleList, PersonStatus, SignInPlace};
use super::state::{KnownSubject, PciState, version};

/// Retention of facts about deleted people.
const GONE_KEPT: TimeSpan = TimeSpan::hours(400 * 24);

impl PciState {
    /// Returns the new state. Uses the people of a new listing, else the earlier ones with later
    /// changes.
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
            version: version(&looked_up, None),
            identity_store_id: fold.rules().identity_store_id.clone(),
            as_of,
            coverage_from,
            known: known.collect(),
            people: people.clone(),
            listed_at,
            looked_up,
            covered: None,
        })
    }

    /// The last list, with logged changes: created, deleted, disabled, enabled.
    pub fn people(&self, fold: &PciFold) -> PeopleList {
        let since =
            |event: Option<&NewestEvent>| event.map(|it| it.at).filter(|at| *at > self.listed_at);
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
