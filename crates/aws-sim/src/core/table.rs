//! A table with row history, for deliberately late reads.
//!
//! Writes and conflict checks use the newest version; reads use the version visible at an instant.
//! This implements read-after-write windows (`simulator.md` C-2) and the fault `stale_read` without
//! a second copy of the state.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
};

use crate::base::Millis;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Retention of hidden versions, for `stale_read`.
pub(crate) const PAST_KEPT: Millis = 3_600_000;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Version<V> {
    seen_from: Millis,
    value: Option<V>,
}

#[derive(Debug, Clone)]
pub(crate) struct Table<K, V> {
    rows: BTreeMap<K, Vec<Version<V>>>,
    graves: VecDeque<(Millis, K)>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            graves: VecDeque::new(),
        }
    }
}

impl<K: Ord + Clone, V> Table<K, V> {
    /// Writes a row; readers see it from `seen_from` on, which never precedes the row's earlier
    /// versions.
    pub(crate) fn put(&mut self, key: K, value: V, seen_from: Millis, now: Millis) {
        self.bury(now);
        self.push(key, Some(value), seen_from, now);
    }

    /// Removes a row; readers miss it from `seen_from` on.
    pub(crate) fn remove(&mut self, key: &K, seen_from: Millis, now: Millis) {
        self.bury(now);
        if self.rows.contains_key(key) {
            self.push(key.clone(), None, seen_from, now);
            self.graves
                .push_back((now.max(seen_from).saturating_add(PAST_KEPT), key.clone()));
        }
    }

    fn push(&mut self, key: K, value: Option<V>, seen_from: Millis, now: Millis) {
        let versions = self.rows.entry(key).or_default();
        let floor = versions.last().map_or(Millis::MIN, |last| last.seen_from);
        versions.push(Version {
            seen_from: seen_from.max(floor),
            value,
        });
        let horizon = now.saturating_sub(PAST_KEPT);
        while versions
            .get(1)
            .is_some_and(|second| second.seen_from <= horizon)
        {
            versions.remove(0);
        }
    }

    fn bury(&mut self, now: Millis) {
        while self.graves.front().is_some_and(|(due, _)| *due <= now) {
            let Some((_, key)) = self.graves.pop_front() else {
                return;
            };
            let dead = self
                .rows
                .get(&key)
                .and_then(|versions| versions.last())
                .is_some_and(|last| last.value.is_none() && last.seen_from + PAST_KEPT <= now);
            if dead {
                self.rows.remove(&key);
            }
        }
    }

    /// The newest version, for decisions.
    pub(crate) fn latest(&self, key: &K) -> Option<&V> {
        self.rows.get(key)?.last()?.value.as_ref()
    }

    /// The version visible at `at`, for reads.
    pub(crate) fn seen(&self, key: &K, at: Millis) -> Option<&V> {
        visible(self.rows.get(key)?, at)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.rows
            .iter()
            .filter_map(|(key, versions)| Some((key, versions.last()?.value.as_ref()?)))
    }

    pub(crate) fn range(&self, start: Bound<K>) -> impl Iterator<Item = (&K, &V)> {
        self.rows
            .range((start, Bound::Unbounded))
            .filter_map(|(key, versions)| Some((key, versions.last()?.value.as_ref()?)))
    }

    pub(crate) fn range_seen(&self, start: Bound<K>, at: Millis) -> impl Iterator<Item = (&K, &V)> {
        self.rows
            .range((start, Bound::Unbounded))
            .filter_map(move |(key, versions)| Some((key, visible(versions, at)?)))
    }

    pub(crate) fn len(&self) -> usize {
        self.iter().count()
    }
}

fn visible<V>(versions: &[Version<V>], at: Millis) -> Option<&V> {
    versions
        .iter()
        .rev()
        .find(|version| version.seen_from <= at)?
        .value
        .as_ref()
}

impl<K: Serialize, V: Serialize> Serialize for Table<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.rows)
    }
}

impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Deserialize<'de> for Table<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rows: Vec<(K, Vec<Version<V>>)> = Vec::deserialize(deserializer)?;
        Ok(Self {
            rows: rows.into_iter().collect(),
            graves: VecDeque::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_are_late_and_writers_are_not() {
        let mut table = Table::default();
        table.put("a", 1, 100, 0);
        assert_eq!(
            (
                table.latest(&"a"),
                table.seen(&"a", 99),
                table.seen(&"a", 100)
            ),
            (Some(&1), None, Some(&1))
        );
        table.remove(&"a", 50, 110);
        assert_eq!(table.latest(&"a"), None);
        assert_eq!(table.seen(&"a", 99), None, "never visible before it was");
        table.put("a", 2, 300, 200);
        assert_eq!(
            (table.seen(&"a", 250), table.seen(&"a", 300)),
            (None, Some(&2))
        );
    }

    #[test]
    fn the_dead_are_buried() {
        let mut table = Table::default();
        table.put("a", 1, 0, 0);
        table.remove(&"a", 10, 10);
        table.put("b", 1, 20 + PAST_KEPT, 20 + PAST_KEPT);
        assert_eq!(table.rows.len(), 1);
    }
}
