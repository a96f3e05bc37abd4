//! Cached state for catalog and search. Requestable accounts are cached for a minute.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use hallpass_base::{Email, Timestamp, UserId};
use hallpass_rules::{Ask, Decision, Directory, Principal, Requestable, Rules};

use super::Access;
use crate::Actor;
use crate::search::Places;

const REMEMBERED_MAX: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asker {
    user: Option<UserId>,
    email: Email,
}

impl Asker {
    pub(super) fn of(actor: &Actor) -> Self {
        Self {
            user: actor.user.clone(),
            email: actor.email.clone(),
        }
    }

    const fn principal(&self) -> Principal<'_> {
        Principal {
            user: self.user.as_ref(),
            email: &self.email,
        }
    }
}

pub(super) struct SearchContext {
    pub(super) rules: Rules,
    pub(super) directory: Arc<Directory>,
    pub(super) places: Arc<Places>,
    pub(super) requestable: Arc<Requestable>,
    person: Asker,
    now: Timestamp,
}

impl SearchContext {
    pub(super) fn decide(&self, question: &Ask<'_>) -> Decision {
        self.rules
            .decide(self.person.principal(), question, &self.directory, self.now)
    }
}

/// A directory is identified by its allocation, which a weak reference keeps from being reused.
#[derive(Default)]
pub(super) struct SearchCache {
    places: Mutex<Option<(Weak<Directory>, Arc<Places>)>>,
    people: Mutex<VecDeque<(RequestableKey, Arc<Requestable>)>>,
}

/// Includes the minute: rules may have hours.
struct RequestableKey {
    rules: String,
    directory: Weak<Directory>,
    person: Asker,
    minute: i64,
}

fn is_of(weak: &Weak<Directory>, directory: &Arc<Directory>) -> bool {
    std::ptr::eq(weak.as_ptr(), Arc::as_ptr(directory))
}

impl SearchCache {
    fn places(&self, directory: &Arc<Directory>) -> Arc<Places> {
        let mut slot = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((weak, places)) = &*slot
            && is_of(weak, directory)
        {
            return Arc::clone(places);
        }
        let places = Arc::new(Places::new(directory));
        *slot = Some((Arc::downgrade(directory), Arc::clone(&places)));
        places
    }

    fn requestable(
        &self,
        rules: &Rules,
        directory: &Arc<Directory>,
        person: &Asker,
        now: Timestamp,
    ) -> Arc<Requestable> {
        let minute = now.as_second().div_euclid(60);
        let fits = |known: &RequestableKey| {
            known.person == *person
                && known.minute == minute
                && known.rules == rules.hash()
                && is_of(&known.directory, directory)
        };
        {
            let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(at) = people.iter().position(|(known, _)| fits(known))
                && let Some(entry) = people.remove(at)
            {
                let found = Arc::clone(&entry.1);
                people.push_back(entry);
                return found;
            }
        }
        // Outside the lock, so others can search.
        let found = Arc::new(rules.requestable(person.principal(), directory, now));
        let known = RequestableKey {
            rules: rules.hash().to_owned(),
            directory: Arc::downgrade(directory),
            person: person.clone(),
            minute,
        };
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        // Obsolete entries only use memory.
        people.retain(|(known, _)| is_of(&known.directory, directory) && known.minute == minute);
        if people.len() >= REMEMBERED_MAX {
            people.pop_front();
        }
        people.push_back((known, Arc::clone(&found)));
        found
    }
}

impl Access {
    pub(super) fn scope(&self, actor: &Actor) -> SearchContext {
        let (rules, directory, now) = (self.rules(), self.directory(), self.now());
        let person = Asker::of(actor);
        SearchContext {
            places: self.search_cache.places(&directory),
            requestable: self
                .search_cache
                .requestable(&rules, &directory, &person, now),
            person,
            rules,
            directory,
            now,
        }
    }
}
