//! What somebody is listed for today, of everything that was ever asked for: a set of numbers by which
//! a store finds the rows they may see. Worked out once for a person, the rules and a reading of the
//! directory, and then for what is new.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use hallpass_rules::{Directory, Rules};

use super::Access;
use super::search_context::Asker;
use crate::{Actor, ReadError, Subject, SubjectSet, ViewerScope};

/// People whose set is remembered.
const REMEMBERED_MAX: usize = 256;
/// Subjects read from the store in one call.
const BATCH: u32 = 2_000;

/// What was worked out before.
#[derive(Default)]
pub(super) struct ListingCache {
    /// Everything that was ever asked for, in the order of its numbers.
    subjects: Mutex<Arc<Vec<(u64, Subject)>>>,
    people: Mutex<VecDeque<RememberedListing>>,
}

/// What one person is listed for.
#[derive(Clone)]
struct RememberedListing {
    rules: String,
    directory: Weak<Directory>,
    person: Asker,
    /// Of subjects up to this number.
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
    /// Everything somebody is listed for today, and perhaps more: whom and when is decided for each
    /// row.
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

    /// What narrows listings to somebody; `None` for who reads everything.
    pub(super) async fn sight(&self, actor: &Actor) -> Result<Option<ViewerScope>, ReadError> {
        if actor.reads_all() {
            return Ok(None);
        }
        Ok(Some(ViewerScope {
            user: actor.user.clone(),
            subjects: self.listed(actor).await?,
        }))
    }

    /// Everything that was ever asked for.
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

    /// What was known, with more; kept unless somebody else knows as much by now.
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
        // what can never be asked for again only takes up room
        people.retain(|it| it.directory.strong_count() > 0 && it.person != known.person);
        if people.len() >= REMEMBERED_MAX {
            people.pop_front();
        }
        people.push_back(known);
    }
}
