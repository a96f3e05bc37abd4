//! A guard's trusted copy of the ends, and settled ones. Pure.
//!
//! Refuses a copy older than an earlier one: it may miss extensions, or list access that now
//! belongs to another user (promise P2).

use std::collections::BTreeMap;

use hallpass_assignments::OwnedEnd;
use hallpass_base::{HoldKey, TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{EndsCopy, EndsSource, Mark, Newest};

/// The earlier copy stays in force.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// Not newer; no problem.
    #[error("the known state is newer")]
    Stale,
    /// Earlier position than before: perhaps a restored backup.
    #[error("it goes to record {found} of the log, one seen before went to {seen}")]
    Older { found: u64, seen: u64 },
    /// Its log does not continue the known one.
    #[error("its log is another one, or was rewritten")]
    Forked,
    #[error("it knows revision {found} of {key}, one seen before knew {seen}")]
    OlderEnd { key: HoldKey, found: u64, seen: u64 },
}

impl NotTaken {
    pub const fn is_alarming(&self) -> bool {
        match self {
            Self::Stale => false,
            Self::Older { .. } | Self::Forked | Self::OlderEnd { .. } => true,
        }
    }
}

/// State that survives a guard restart, next to its journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    pub copy: Option<EndsCopy>,
    /// Time of the copy, by AWS's time.
    pub as_of: Option<Timestamp>,
    /// Completed ends by revision.
    pub settled: Vec<(HoldKey, u64)>,
    /// Ends that a restored store lacks; they still happen.
    pub orphans: Vec<OwnedEnd>,
}

#[derive(Clone, Debug, Default)]
pub struct GuardMemory {
    copy: Option<EndsCopy>,
    by_key: BTreeMap<HoldKey, OwnedEnd>,
    as_of: Option<Timestamp>,
    settled: BTreeMap<HoldKey, u64>,
    orphans: BTreeMap<HoldKey, OwnedEnd>,
}

impl GuardMemory {
    pub fn from_kept(kept: Kept) -> Self {
        let by_key = keyed(kept.copy.iter().flat_map(|copy| copy.ends.clone()));
        Self {
            by_key,
            copy: kept.copy,
            as_of: kept.as_of,
            settled: kept.settled.into_iter().collect(),
            orphans: keyed(kept.orphans),
        }
    }

    pub fn to_keep(&self) -> Kept {
        Kept {
            copy: self.copy.clone(),
            as_of: self.as_of,
            settled: self
                .settled
                .iter()
                .map(|(key, rev)| (key.clone(), *rev))
                .collect(),
            orphans: self.orphans.values().cloned().collect(),
        }
    }

    /// Accepts a copy read at `now` (AWS's time, if known).
    pub fn take(&mut self, copy: EndsCopy, now: Option<Timestamp>) -> Result<(), NotTaken> {
        let as_of = true_at(&copy, now);
        let mut by_key = keyed(copy.ends.iter().cloned());
        if let Some(seen) = &self.copy {
            check_mark(seen, &copy.mark, copy.log.as_deref())?;
            let is_same = copy.mark == seen.mark;
            let is_earlier = matches!((as_of, self.as_of), (Some(at), Some(seen)) if at < seen);
            if copy.source == EndsSource::File && is_same && is_earlier {
                return Err(NotTaken::Stale);
            }
            for end in &copy.ends {
                if let Some(seen) = self.by_key.get(&end.key).filter(|seen| seen.rev > end.rev) {
                    return Err(NotTaken::OlderEnd {
                        key: end.key.clone(),
                        found: end.rev,
                        seen: seen.rev,
                    });
                }
            }
            // the file may predate the store's state: newer ends stay until the log advances
            if copy.source == EndsSource::File && is_same {
                for (key, end) in &self.by_key {
                    by_key.entry(key.clone()).or_insert_with(|| end.clone());
                }
            }
        }
        self.by_key = by_key;
        // ends missing in the copy are settled for the server
        let known = &self.by_key;
        self.settled
            .retain(|key, rev| known.get(key).is_some_and(|end| end.rev <= *rev));
        self.orphans.retain(|key, _| !known.contains_key(key));
        self.copy = Some(copy);
        self.as_of = as_of;
        Ok(())
    }

    /// Accepts a copy regardless of history, after a declared restore. Ends missing in it still
    /// happen.
    pub fn take_restored(&mut self, copy: EndsCopy, now: Option<Timestamp>) {
        let before = std::mem::take(&mut self.by_key);
        self.copy = None;
        self.settled.clear();
        let known = keyed(copy.ends.iter().cloned());
        self.orphans.extend(
            before
                .into_iter()
                .filter(|(key, _)| !known.contains_key(key)),
        );
        // without history nothing is older
        let _: Result<(), NotTaken> = self.take(copy, now);
    }

    pub fn check_newest(
        &self,
        source: EndsSource,
        key: &HoldKey,
        newest: &Newest,
    ) -> Result<(), NotTaken> {
        let Some(seen) = &self.copy else {
            return Ok(());
        };
        check_mark(seen, &newest.mark, seen.log.as_deref())?;
        let end = newest.end.as_ref();
        // a file that predates the store's state proves no absence
        let is_same = newest.mark == seen.mark;
        if source == EndsSource::File && is_same && end.is_none() && self.by_key.contains_key(key) {
            return Err(NotTaken::Stale);
        }
        match end.and_then(|end| Some((end, self.by_key.get(&end.key)?))) {
            Some((end, seen)) if seen.rev > end.rev => Err(NotTaken::OlderEnd {
                key: end.key.clone(),
                found: end.rev,
                seen: seen.rev,
            }),
            _ => Ok(()),
        }
    }

    pub fn open(&self) -> impl Iterator<Item = &OwnedEnd> {
        let orphans = self.orphans.values();
        self.by_key
            .values()
            .chain(orphans)
            .filter(|end| self.settled.get(&end.key).is_none_or(|rev| *rev < end.rev))
    }

    pub fn is_orphan(&self, key: &HoldKey) -> bool {
        self.orphans.contains_key(key)
    }

    /// Marks this revision as complete, forever.
    pub fn settle(&mut self, key: &HoldKey, rev: u64) {
        // only we know it, and a restored store restarts its revisions
        match self.orphans.get(key) {
            Some(orphan) if orphan.rev <= rev => {
                self.orphans.remove(key);
                return;
            }
            Some(_) => return,
            None => {}
        }
        let settled = self.settled.entry(key.clone()).or_insert(rev);
        *settled = rev.max(*settled);
    }

    pub fn len(&self) -> usize {
        self.by_key.len() + self.orphans.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `None` before the first copy.
    pub fn copy(&self) -> Option<(EndsSource, &Mark)> {
        let copy = self.copy.as_ref()?;
        Some((copy.source, &copy.mark))
    }

    /// `None` before the first copy, or without known time.
    pub fn age(&self, now: Option<Timestamp>) -> Option<TimeSpan> {
        Some(TimeSpan::between(self.as_of?, now?))
    }
}

fn check_mark(seen: &EndsCopy, mark: &Mark, log: Option<&str>) -> Result<(), NotTaken> {
    let other_log = matches!((seen.log.as_deref(), log), (Some(a), Some(b)) if a != b);
    if other_log || (mark.seq == seen.mark.seq && mark.hash != seen.mark.hash) {
        return Err(NotTaken::Forked);
    }
    if mark.seq < seen.mark.seq {
        return Err(NotTaken::Older {
            found: mark.seq,
            seen: seen.mark.seq,
        });
    }
    Ok(())
}

/// Time of a copy by AWS's time; never in the future.
fn true_at(copy: &EndsCopy, now: Option<Timestamp>) -> Option<Timestamp> {
    match (copy.at, now) {
        (Some(at), Some(now)) => Some(at.min(now)),
        (at, now) => at.or(now),
    }
}

fn keyed(ends: impl IntoIterator<Item = OwnedEnd>) -> BTreeMap<HoldKey, OwnedEnd> {
    ends.into_iter().map(|end| (end.key.clone(), end)).collect()
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
