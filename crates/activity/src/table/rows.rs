use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::row::{ActivityFacts, ActivityKey};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivityRows {
    rows: BTreeMap<ActivityKey, ActivityFacts>,
}

impl ActivityRows {
    pub fn add(&mut self, key: ActivityKey, facts: ActivityFacts) {
        match self.rows.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(facts);
            }
            Entry::Occupied(mut entry) => entry.get_mut().join(facts),
        }
    }

    pub fn merge(&mut self, other: Self) {
        if self.rows.is_empty() {
            self.rows = other.rows;
            return;
        }
        for (key, facts) in other.rows {
            self.add(key, facts);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&ActivityKey, &ActivityFacts)> {
        self.rows.iter()
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn events(&self) -> u64 {
        self.rows.values().map(ActivityFacts::count).sum()
    }
}
