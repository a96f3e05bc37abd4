//! The subjects for which a user is listed today, as a set of numbers with which a store finds
//! their rows. Computed once per user, rules and directory read, then extended for new subjects.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use hallpass_rules::{Directory, Rules};

use super::Access;
use super::search_context::Asker;
use crate::{Actor, ReadError, Subject, SubjectSet, ViewerScope};

const REMEMBERED_MAX: usize = 256;
const BATCH: u32 = 2_000;

#[derive(Default)]
pub(super) struct ListingCache {
    subjects: Mutex<Arc<Vec<(u64, Subject)>>>,
    people: Mutex<VecDeque<RememberedListing>>,
}

#[derive(Clone)]
struct RememberedListing {
    rules: String,
    directory: Weak<Directory>,
    person: Asker,
    /// Covers subjects up to this number.
    upto: u64,
    set: SubjectSet,
}

impl RememberedListing {
    fn is_of(&self, rules: &Rules, directory: &Arc<Directory>, person: &Asker) -> bool {
        self.person == *person
            && self.rules == rules.hash()
            && std::ptr::eq(self.directory.as_ptr(), Arc::as_ptr(directory))
    }
}

impl Access {
    /// A superset: each row is checked separately.
    pub(super) async fn listed(&self, actor: &Actor) -> Result<SubjectSet, ReadError> {
        let (rules, directory) = (self.rules(), self.directory());
        let approvable = rules.approvable(actor.principal(), &directory);
        if approvable.is_empty() {
            return Ok(SubjectSet::default());
        }
        let subjects = self.subjects().await?;
        let newest = subjects.last().map_or(0, |(number, _)| *number);
        let asker = Asker::of(actor);
        let before = self.listings.known(&rules, &directory, &asker);
        let (upto, set) = before.map_or((0, SubjectSet::default()), |it| (it.upto, it.set));
        if upto >= newest {
            return Ok(set);
        }
        let begin = subjects.partition_point(|(number, _)| *number <= upto);
        let later = subjects.get(begin..).unwrap_or_default();
        let covered = later
            .iter()
            .filter(|(_, subject)| approvable.covers(&subject.question(), &directory))
            .map(|(number, _)| *number);
        let more: BTreeSet<u64> = covered.collect();
        let set = if more.is_empty() {
            set
        } else {
            set.iter().chain(more).collect()
        };
        self.listings.remember(RememberedListing {
            rules: rules.hash().to_owned(),
            directory: Arc::downgrade(&directory),
            person: asker,
            upto: newest,
            set: set.clone(),
        });
        Ok(set)
    }

    /// `None` with global read access.
    pub(super) async fn sight(&self, actor: &Actor) -> Result<Option<ViewerScope>, ReadError> {
        if actor.reads_all() {
            return Ok(None);
        }
        Ok(Some(ViewerScope {
            user: actor.user.clone(),
            subjects: self.listed(actor).await?,
        }))
    }

    pub(super) async fn subjects(&self) -> Result<Arc<Vec<(u64, Subject)>>, ReadError> {
        let mut known = self.listings.all();
        loop {
            let newest = known.last().map_or(0, |(number, _)| *number);
            let more = self.ports.store.subjects(newest, BATCH).await?;
            if more.is_empty() {
                return Ok(known);
            }
            known = self.listings.add(&known, more);
        }
    }
}

impl ListingCache {
    fn all(&self) -> Arc<Vec<(u64, Subject)>> {
        Arc::clone(&self.subjects.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Extends the cache, unless another call already did.
    fn add(
        &self,
        known: &Arc<Vec<(u64, Subject)>>,
        more: Vec<(u64, Subject)>,
    ) -> Arc<Vec<(u64, Subject)>> {
        let mut grown = Vec::with_capacity(known.len() + more.len());
        grown.extend(known.iter().cloned());
        grown.extend(more);
        let grown = Arc::new(grown);
        let mut kept = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < grown.len() {
            *kept = Arc::clone(&grown);
        }
        grown
    }

    fn known(
        &self,
        rules: &Rules,
        directory: &Arc<Directory>,
        person: &Asker,
    ) -> Option<RememberedListing> {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        let place = people
            .iter()
            .position(|it| it.is_of(rules, directory, person))?;
        let found = people.remove(place)?;
        people.push_back(found.clone());
        Some(found)
    }

    fn remember(&self, known: RememberedListing) {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        // Obsolete entries only use memory.
        people.retain(|it| it.directory.strong_count() > 0 && it.person != known.person);
        if people.len() >= REMEMBERED_MAX {
            people.pop_front();
        }
        people.push_back(known);
    }
}
