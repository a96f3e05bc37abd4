//! What a guard knows of the ends: the newest copy it believes, and what is settled. Pure.
//!
//! A copy that is older than one seen before is not taken: it may miss extensions, and may name
//! access that has become somebody else's since (promise P2).

use std::collections::BTreeMap;

use hallpass_assignments::OwnedEnd;
use hallpass_base::{HoldKey, TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{EndsCopy, EndsSource, Mark, Newest};

/// Why a copy was not taken; the one before stays in force.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// What is known is at least as new. Nothing is wrong.
    #[error("what is known already is newer")]
    Stale,
    /// It goes less far than one seen before: a restored backup, perhaps.
    #[error("it goes to record {found} of the log, one seen before went to {seen}")]
    Older {
        /// How far it goes.
        found: u64,
        /// How far one seen before went.
        seen: u64,
    },
    /// The log it belongs to is not a continuation of the one seen before.
    #[error("its log is another one, or was written anew")]
    Forked,
    /// It knows an older wish for a key than one seen before.
    #[error("it knows revision {found} of {key}, one seen before knew {seen}")]
    OlderEnd {
        /// The key.
        key: HoldKey,
        /// Its revision.
        found: u64,
        /// The revision seen before.
        seen: u64,
    },
}

impl NotTaken {
    /// Whether somebody has to look.
    pub const fn is_alarming(&self) -> bool {
        match self {
            Self::Stale => false,
            Self::Older { .. } | Self::Forked | Self::OlderEnd { .. } => true,
        }
    }
}

/// What survives a restart of the guard, beside its journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// The newest copy.
    pub copy: Option<EndsCopy>,
    /// When that copy was true, by AWS's time.
    pub as_of: Option<Timestamp>,
    /// Ends that are over, by the revision of their wish.
    pub settled: Vec<(HoldKey, u64)>,
    /// Ends that a restored store does not know; they end all the same.
    pub orphans: Vec<OwnedEnd>,
}

/// The newest copy, and what became of its ends.
#[derive(Clone, Debug, Default)]
pub struct GuardMemory {
    copy: Option<EndsCopy>,
    by_key: BTreeMap<HoldKey, OwnedEnd>,
    as_of: Option<Timestamp>,
    settled: BTreeMap<HoldKey, u64>,
    orphans: BTreeMap<HoldKey, OwnedEnd>,
}

impl GuardMemory {
    /// What a guard before this one kept.
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

    /// What the next guard should know.
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

    /// Takes a copy that was read at `now` (AWS's time, when known).
    ///
    /// # Errors
    /// Why it was not taken.
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
            // a file may have been written a moment before what was seen in the store: what became
            // ours in that moment stays known until the log goes on
            if copy.source == EndsSource::File && is_same {
                for (key, end) in &self.by_key {
                    by_key.entry(key.clone()).or_insert_with(|| end.clone());
                }
            }
        }
        self.by_key = by_key;
        // what the copy does not know any more is settled for the server as well
        let known = &self.by_key;
        self.settled
            .retain(|key, rev| known.get(key).is_some_and(|end| end.rev <= *rev));
        self.orphans.retain(|key, _| !known.contains_key(key));
        self.copy = Some(copy);
        self.as_of = as_of;
        Ok(())
    }

    /// Takes a copy whatever was seen before: somebody said that it was restored. What it does not
    /// know any more ends all the same.
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
        // nothing was seen before, so nothing can be older
        let _: Result<(), NotTaken> = self.take(copy, now);
    }

    /// Whether a look at one key may be believed; it comes with the mark of its log.
    ///
    /// # Errors
    /// Why not.
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
        // a file written a moment before what was seen in the store says nothing of what it lacks
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

    /// What is not settled, as far as is known.
    pub fn open(&self) -> impl Iterator<Item = &OwnedEnd> {
        let orphans = self.orphans.values();
        self.by_key
            .values()
            .chain(orphans)
            .filter(|end| self.settled.get(&end.key).is_none_or(|rev| *rev < end.rev))
    }

    /// Whether only this guard knows the key any more.
    pub fn is_orphan(&self, key: &HoldKey) -> bool {
        self.orphans.contains_key(key)
    }

    /// The end is over: the guard never touches this wish again.
    pub fn settle(&mut self, key: &HoldKey, rev: u64) {
        // nobody but us knows of it, and a restored store counts its revisions anew; one that was over before is another
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

    /// How many ends the copy holds.
    pub fn len(&self) -> usize {
        self.by_key.len() + self.orphans.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The newest copy's source and mark; `None` before the first.
    pub fn copy(&self) -> Option<(EndsSource, &Mark)> {
        let copy = self.copy.as_ref()?;
        Some((copy.source, &copy.mark))
    }

    /// How old the copy is; `None` before the first, and while the time is not known.
    pub fn age(&self, now: Option<Timestamp>) -> Option<TimeSpan> {
        Some(TimeSpan::between(self.as_of?, now?))
    }
}

/// Whether a log with this name and mark goes on where the one seen went.
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

/// When a copy was true, by AWS's time; never in the future.
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
