//! Objects in buckets: what trails deliver, and what somebody puts. In memory, and no more than so many bytes: of more,
//! the oldest go.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::Arc,
};

use crate::base::Millis;

/// Bytes that all buckets together hold.
const KEPT_BYTES_MAX: usize = 64 << 20;
/// Objects that they hold.
const KEPT_MAX: usize = 50_000;

/// An object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredObject {
    /// Its content.
    pub bytes: Arc<[u8]>,
    /// When it was put.
    pub modified: Millis,
    /// What was said of it (`x-amz-meta-…`), by name.
    pub metadata: BTreeMap<String, String>,
}

/// Which objects a listing asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListedKeys<'a> {
    /// Their keys begin with it.
    pub prefix: &'a str,
    /// Up to it, keys are one row; empty: each is a row of its own.
    pub delimiter: &'a str,
    /// They come after it.
    pub after: &'a str,
    /// At most so many rows.
    pub rows_max: usize,
}

/// A page of a listing.
#[derive(Debug, Default)]
pub(crate) struct KeyPage<'a> {
    /// Objects by key.
    pub objects: Vec<(&'a str, &'a StoredObject)>,
    /// What keys have in common up to the delimiter.
    pub prefixes: Vec<String>,
    /// The last row, where there are more.
    pub last: Option<String>,
}

/// The objects of all buckets.
#[derive(Debug, Clone, Default)]
pub(crate) struct ObjectStore {
    buckets: BTreeMap<String, BTreeMap<String, StoredObject>>,
    /// The order in which they came.
    order: VecDeque<(String, String)>,
    bytes: usize,
}

impl ObjectStore {
    /// An object, if it is there.
    pub(crate) fn get(&self, bucket: &str, key: &str) -> Option<&StoredObject> {
        self.buckets.get(bucket)?.get(key)
    }

    /// Puts an object, in place of the one that was there.
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

    /// Takes an object away, if it is there.
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

    /// A page of a bucket's objects, by key.
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
                // past all keys that have it in common
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

/// A key up to the first delimiter after the prefix, if it has one.
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

    /// All rows of a listing, page by page.
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
