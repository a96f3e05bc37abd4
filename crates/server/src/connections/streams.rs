//! Limits event streams, because each occupies a connection while its page is open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TooManyStreams {
    OfThisPerson,
    InAll,
}

#[derive(Debug)]
pub(super) struct Streams {
    max: usize,
    per_person: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    of: HashMap<String, usize>,
}

fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Streams {
    pub(super) fn new(max: usize, per_person: usize) -> Self {
        Self {
            max,
            per_person,
            open: Arc::default(),
        }
    }

    pub(super) fn open(&self) -> usize {
        lock(&self.open).all
    }

    pub(super) fn begin(&self, person: &str) -> Result<StreamSlot, TooManyStreams> {
        let mut open = lock(&self.open);
        let theirs = open.of.get(person).copied().unwrap_or(0);
        if theirs >= self.per_person {
            return Err(TooManyStreams::OfThisPerson);
        }
        if open.all >= self.max {
            return Err(TooManyStreams::InAll);
        }
        open.all += 1;
        open.of.insert(person.to_owned(), theirs + 1);
        Ok(StreamSlot {
            person: person.to_owned(),
            open: Arc::clone(&self.open),
        })
    }
}

#[derive(Debug)]
pub(crate) struct StreamSlot {
    person: String,
    open: Arc<Mutex<Open>>,
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        open.all -= 1;
        if let Some(theirs) = open.of.get_mut(&self.person) {
            *theirs -= 1;
            if *theirs == 0 {
                open.of.remove(&self.person);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_counted_for_each_person_and_in_all_until_they_end() {
        let streams = Streams::new(3, 2);
        let first = streams.begin("ana").unwrap();
        let _second = streams.begin("ana").unwrap();
        assert_eq!(
            streams.begin("ana").unwrap_err(),
            TooManyStreams::OfThisPerson
        );
        let _third = streams.begin("bo").unwrap();
        assert_eq!(streams.begin("bo").unwrap_err(), TooManyStreams::InAll);
        assert_eq!(streams.open(), 3);
        drop(first);
        let _fourth = streams.begin("bo").unwrap();
        assert_eq!(streams.open(), 3);
    }

    #[test]
    fn nothing_is_kept_of_those_without_streams() {
        let streams = Streams::new(3, 2);
        drop(streams.begin("ana").unwrap());
        assert!(lock(&streams.open).of.is_empty());
    }
}
