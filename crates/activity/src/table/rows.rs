//! Rows by their keys, in order.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::row::{ActivityFacts, ActivityKey};

/// A part of the activity table, or all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivityRows {
    rows: BTreeMap<ActivityKey, ActivityFacts>,
}

impl ActivityRows {
    /// Joins facts to the row of a key.
    pub fn add(&mut self, key: ActivityKey, facts: ActivityFacts) {
        match self.rows.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(facts);
            }
            Entry::Occupied(mut entry) => entry.get_mut().join(facts),
        }
    }

    /// Joins all rows of another part.
    pub fn merge(&mut self, other: Self) {
        if self.rows.is_empty() {
            self.rows = other.rows;
            return;
        }
        for (key, facts) in other.rows {
            self.add(key, facts);
        }
    }

    /// The rows, by their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&ActivityKey, &ActivityFacts)> {
        self.rows.iter()
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many events are in all rows.
    pub fn events(&self) -> u64 {
        self.rows.values().map(ActivityFacts::count).sum()
    }
}
