//! Bucket objects: trail deliveries and puts. In memory; evicts the oldest above the limits.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::Arc,
};

use crate::base::Millis;

const KEPT_BYTES_MAX: usize = 64 << 20;
const KEPT_MAX: usize = 50_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredObject {
    pub bytes: Arc<[u8]>,
    pub modified: Millis,
    /// From `x-amz-meta-…` headers, by name.
    pub metadata: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct ListedKeys<'a> {
    pub prefix: &'a str,
    /// Groups keys; empty: one row per key.
    pub delimiter: &'a str,
    pub after: &'a str,
    pub rows_max: usize,
}

#[derive(Debug, Default)]
pub(crate) struct KeyPage<'a> {
    pub objects: Vec<(&'a str, &'a StoredObject)>,
    pub prefixes: Vec<String>,
    pub last: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct ObjectStore {
    buckets: BTreeMap<String, BTreeMap<String, StoredObject>>,
    order: VecDeque<(String, String)>,
    bytes: usize,
}

impl ObjectStore {
    pub(crate) fn get(&self, bucket: &str, key: &str) -> Option<&StoredObject> {
        self.buckets.get(bucket)?.get(key)
    }

    pub(crate) fn put(&mut self, bucket: &str, key: &str, object: StoredObject) {
        self.bytes += object.bytes.len();
        let objects = self.buckets.entry(bucket.to_owned()).or_default();
        match objects.insert(key.to_owned(), object) {
            Some(old) => self.bytes -= old.bytes.len(),
            None => self.order.push_back((bucket.to_owned(), key.to_owned())),
        }
        while self.bytes > KEPT_BYTES_MAX || self.order.len() > KEPT_MAX {
            let Some((bucket, key)) = self.order.pop_front() else {
                return;
            };
            self.forget(&bucket, &key);
        }
    }

    pub(crate) fn remove(&mut self, bucket: &str, key: &str) {
        if self.forget(bucket, key) {
            self.order
                .retain(|it| (it.0.as_str(), it.1.as_str()) != (bucket, key));
        }
    }

    fn forget(&mut self, bucket: &str, key: &str) -> bool {
        let objects = self.buckets.get_mut(bucket);
        let Some(old) = objects.and_then(|it| it.remove(key)) else {
            return false;
        };
        self.bytes -= old.bytes.len();
        true
    }

    pub(crate) fn list(&self, bucket: &str, wanted: ListedKeys<'_>) -> KeyPage<'_> {
        let mut page = KeyPage::default();
        let Some(objects) = self.buckets.get(bucket) else {
            return page;
        };
        let mut from = if wanted.after < wanted.prefix {
            Bound::Included(wanted.prefix.to_owned())
        } else {
            Bound::Excluded(wanted.after.to_owned())
        };
        let mut last = String::new();
        loop {
            let next = objects.range::<String, _>((from, Bound::Unbounded)).next();
            let Some((key, object)) = next.filter(|(key, _)| key.starts_with(wanted.prefix)) else {
                return page;
            };
            let common = common_prefix(key, wanted);
            from = match &common {
                // past all keys with this common prefix
                Some(common) => Bound::Excluded(format!("{common}{}", char::MAX)),
                None => Bound::Excluded(key.clone()),
            };
            if common.as_deref().is_some_and(|it| it <= wanted.after) {
                continue;
            }
            if page.objects.len() + page.prefixes.len() == wanted.rows_max {
                page.last = Some(last);
                return page;
            }
            last.clone_from(common.as_ref().unwrap_or(key));
            match common {
                Some(common) => page.prefixes.push(common),
                None => page.objects.push((key, object)),
            }
        }
    }
}

/// A key up to the first delimiter after the prefix.
fn common_prefix(key: &str, wanted: ListedKeys<'_>) -> Option<String> {
    let rest = key.strip_prefix(wanted.prefix)?;
    if wanted.delimiter.is_empty() {
        return None;
    }
    let (name, _) = rest.split_once(wanted.delimiter)?;
    Some(format!("{}{name}{}", wanted.prefix, wanted.delimiter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(bytes: usize) -> StoredObject {
        StoredObject {
            bytes: vec![0; bytes].into(),
            modified: 0,
            metadata: BTreeMap::new(),
        }
    }

    fn rows(store: &ObjectStore, prefix: &str, delimiter: &str, rows_max: usize) -> Vec<String> {
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let wanted = ListedKeys {
                prefix,
                delimiter,
                after: &after,
                rows_max,
            };
            let page = store.list("b", wanted);
            let mut rows = page.prefixes.clone();
            rows.extend(page.objects.iter().map(|(key, _)| (*key).to_owned()));
            assert!(rows.len() <= rows_max);
            rows.sort();
            found.extend(rows);
            match page.last {
                Some(last) => after = last,
                None => return found,
            }
        }
    }

    #[test]
    fn pages_of_any_length_give_every_row_once() {
        let mut store = ObjectStore::default();
        for key in ["a/1/x", "a/1/y", "a/2/x", "a/3", "ab", "b/1"] {
            store.put("b", key, object(1));
        }
        for rows_max in 1..=7 {
            let all = rows(&store, "", "", rows_max);
            assert_eq!(all, ["a/1/x", "a/1/y", "a/2/x", "a/3", "ab", "b/1"]);
            assert_eq!(rows(&store, "", "/", rows_max), ["a/", "ab", "b/"]);
            assert_eq!(rows(&store, "a/", "/", rows_max), ["a/1/", "a/2/", "a/3"]);
            assert_eq!(rows(&store, "a/1", "", rows_max), ["a/1/x", "a/1/y"]);
        }
        assert!(rows(&store, "c", "/", 10).is_empty());
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many_bytes() {
        let mut store = ObjectStore::default();
        for number in 0..5 {
            store.put("b", &format!("k{number}"), object(KEPT_BYTES_MAX / 4));
        }
        assert_eq!(rows(&store, "", "", 10), ["k1", "k2", "k3", "k4"]);
        store.put("b", "k4", object(1));
        store.put("b", "k5", object(1));
        assert_eq!(rows(&store, "", "", 10), ["k1", "k2", "k3", "k4", "k5"]);
        store.remove("b", "k1");
        store.remove("b", "k1");
        assert_eq!(store.bytes, 2 + KEPT_BYTES_MAX / 4 * 2);
    }
}
