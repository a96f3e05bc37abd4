//! A witness's judgement (`access.md` V-2): does the export continue the history seen before? The
//! caller does all I/O.
//!
//! Order of a look: [`recheck`](Watch::recheck), [`expect`](Watch::expect), [`take`](Watch::take),
//! [`conclude`](Watch::conclude). List heads before records: a head is published after its record,
//! so every record it needs then exists.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest;
use hallpass_base::{TimeSpan, Timestamp};

use crate::alarm::{Alarm, AlarmKind, alarm};
use crate::memory::{Remembered, SILENCE_MAX, WitnessMemory};
use crate::{
    Followed, GENESIS_HASH, KeyDoubt, PublishedHead, Record, SignatureFault, TrustedKeys, head_key,
};

/// How far before the newest known record listings begin: exports write in parallel.
const LOOK_BACK: TimeSpan = TimeSpan::hours(1);

#[derive(Clone, Debug)]
struct Expected {
    key: String,
    sha256: String,
    head: PublishedHead,
}

#[derive(Clone, Debug)]
struct FollowedRecord {
    hash: String,
    key: String,
    at: Timestamp,
}

#[derive(Clone, Debug)]
#[must_use = "the caller countersigns the heads and reports the alarm"]
pub struct Concluded {
    pub countersign: Vec<PublishedHead>,
    /// The heads to countersign are valid in spite of the alarm.
    pub alarm: Option<Alarm>,
}

/// A running witness. [`memory`](Watch::memory) outlives its process.
#[derive(Clone, Debug)]
pub struct WitnessWatch {
    memory: WitnessMemory,
    chain: Option<Followed>,
    newest: Option<FollowedRecord>,
    pending: BTreeMap<u64, (Record, String)>,
    steps: BTreeMap<u64, FollowedRecord>,
    expected: Vec<Expected>,
}

impl WitnessWatch {
    pub fn new(memory: WitnessMemory) -> Self {
        let known = memory.head.clone();
        let step = known.as_ref().map(|head| FollowedRecord {
            hash: head.hash.clone(),
            key: head.record.clone(),
            at: head.record_at,
        });
        Self {
            chain: known.map(|head| Followed::at(head.seq, head.hash)),
            newest: step,
            memory,
            pending: BTreeMap::new(),
            steps: BTreeMap::new(),
            expected: Vec::new(),
        }
    }

    pub fn memory(&self) -> &WitnessMemory {
        &self.memory
    }

    pub fn published(&mut self, seq: u64) {
        self.memory.published = self.memory.published.max(seq);
    }

    /// Objects that must still exist; pass them to [`recheck`](Self::recheck).
    pub fn remembered(&self) -> Vec<String> {
        let head = self.memory.head.iter();
        head.flat_map(|head| [head.key.clone(), head.record.clone()])
            .collect()
    }

    /// The key after which heads are new. Never later than now: a head published with a clock ahead
    /// would hide all heads until then.
    pub fn heads_after(&self, now: Timestamp) -> Option<String> {
        let to = self.judged_to()?;
        Some(head_key(now).min(to.to_owned()))
    }

    fn judged_to(&self) -> Option<&str> {
        let newest = self.memory.head.as_ref().map(|head| head.key.as_str());
        self.memory.heads_to.as_deref().or(newest)
    }

    pub fn unjudged(&mut self, mut listed: Vec<String>) -> Vec<String> {
        let to = self.judged_to().unwrap_or_default().to_owned();
        let ahead = &mut self.memory.heads_ahead;
        listed.retain(|key| {
            let is_judged = *key <= to || ahead.contains(key);
            if is_judged {
                ahead.insert(key.clone());
            }
            !is_judged
        });
        listed
    }

    pub fn records_after(&self, prefix: &str) -> Option<String> {
        let from = LOOK_BACK.before(self.newest.as_ref()?.at);
        let millisecond = u64::try_from(from.as_millisecond()).unwrap_or_default();
        // an id begins with its instant, so keys of one day sort by time
        let digits = format!("{millisecond:012x}");
        let (high, low) = digits.split_at_checked(8).unwrap_or((&digits, ""));
        let day = from.strftime("%Y/%m/%d");
        let prefix = prefix.trim_matches('/');
        let joint = if prefix.is_empty() { "" } else { "/" };
        Some(format!("{prefix}{joint}{day}/{high}-{low}"))
    }

    /// Checks that a remembered object is present and unchanged.
    pub fn recheck(&self, key: &str, found: Option<&[u8]>) -> Result<(), Alarm> {
        let Some(head) = &self.memory.head else {
            return Ok(());
        };
        let gone = |kind, what: &str| Err(alarm(kind, head.seq, format!("{key}: {what}")));
        let Some(bytes) = found else {
            return gone(AlarmKind::Rollback, "it was there, and is not any more");
        };
        let is_same = if key == head.key {
            sha256(bytes) == head.sha256
        } else {
            let read = Record::parse(bytes);
            read.is_ok_and(|it| it.seq() == head.seq && it.hash() == head.hash && it.hash_holds())
        };
        if is_same {
            Ok(())
        } else {
            gone(AlarmKind::Fork, "it is not what it was")
        }
    }

    /// Takes new heads in record order: keys carry each server's clock, and two servers may differ
    /// by seconds.
    ///
    /// # Errors
    /// The first that is invalid, untrusted or goes back.
    pub fn expect(
        &mut self,
        heads: impl IntoIterator<Item = (String, Vec<u8>)>,
        keys: &TrustedKeys,
    ) -> Result<(), Alarm> {
        self.expected.clear();
        let mut found = Vec::new();
        for (key, bytes) in heads {
            let head = PublishedHead::parse(&bytes).map_err(|fault| {
                let seq = self.covered() + 1;
                alarm(AlarmKind::Forged, seq, format!("{key}: {fault}"))
            })?;
            found.push(Expected {
                sha256: sha256(&bytes),
                key,
                head,
            });
        }
        found.sort_by_key(|it| it.head.seq());
        for it in found {
            self.ensure_signed(&it.key, &it.head, keys)?;
            self.ensure_continues(&it.key, &it.head)?;
            self.expected.push(it);
        }
        Ok(())
    }

    fn last(&self) -> Option<(u64, &str, bool)> {
        let expected = self.expected.last().map(|it| &it.head);
        let remembered = self.memory.head.as_ref();
        expected
            .map(|head| (head.seq(), head.hash(), head.is_signed()))
            .or_else(|| remembered.map(|it| (it.seq, it.hash.as_str(), it.signed)))
    }

    fn ensure_signed(
        &self,
        key: &str,
        head: &PublishedHead,
        keys: &TrustedKeys,
    ) -> Result<(), Alarm> {
        let forged = |why: String| alarm(AlarmKind::Forged, head.seq(), format!("{key}: {why}"));
        match keys.check_head(head.fields()) {
            Ok(()) => Ok(()),
            // accepted only for heads from before signing
            Err(KeyDoubt::Signature(SignatureFault::Unsigned)) => match self.last() {
                Some((_, _, true)) => Err(forged("it is not signed, and those before are".into())),
                Some((_, _, false)) | None => Ok(()),
            },
            Err(doubt) => Err(forged(doubt.to_string())),
        }
    }

    fn ensure_continues(&self, key: &str, head: &PublishedHead) -> Result<(), Alarm> {
        let seq = head.seq();
        if let (Some(known), Some(log)) = (self.log(), head.log())
            && known != log.as_str()
        {
            let detail = format!("{key}: it is about the log {log}, those before about {known}");
            return Err(alarm(AlarmKind::Fork, seq, detail));
        }
        match self.last() {
            Some((before, _, _)) if seq < before => {
                let detail = format!("{key}: a head of record {before} was seen before it");
                Err(alarm(AlarmKind::Rollback, seq, detail))
            }
            Some((before, hash, _)) if seq == before && head.hash() != hash => {
                let detail = format!("{key}: a head before it has another hash");
                Err(alarm(AlarmKind::Fork, seq, detail))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn covered(&self) -> u64 {
        self.memory.head.as_ref().map_or(0, |head| head.seq)
    }

    fn log(&self) -> Option<&str> {
        let mut expected = self.expected.iter();
        let named = expected.find_map(|it| it.head.log());
        self.memory
            .log
            .as_deref()
            .or(named.map(crate::LogId::as_str))
    }

    /// Takes a record object. Known ones may come again, in any order.
    ///
    /// # Errors
    /// When it is not a record, or contradicts known ones.
    pub fn take(&mut self, key: &str, bytes: &[u8]) -> Result<(), Alarm> {
        let record = self.read(key, bytes)?;
        let seq = record.seq();
        let fork = |there: &str| {
            let detail = format!("{key} and {there} both claim this number");
            Err(alarm(AlarmKind::Fork, seq, detail))
        };
        if self.chain.as_ref().is_some_and(|chain| seq <= chain.seq()) {
            return match self.steps.get(&seq) {
                Some(step) if step.hash != record.hash() => fork(&step.key),
                // before the remembered head, which verified
                Some(_) | None => Ok(()),
            };
        }
        match self.pending.get(&seq) {
            Some((other, there)) if other.hash() != record.hash() => fork(there),
            Some(_) => Ok(()),
            None => {
                self.pending.insert(seq, (record, key.to_owned()));
                Ok(())
            }
        }
    }

    fn read(&self, key: &str, bytes: &[u8]) -> Result<Record, Alarm> {
        let next = self.chain.as_ref().map_or(0, Followed::seq) + 1;
        let record = Record::parse(bytes).map_err(|error| {
            let detail = format!("{key}: it is no record: {error}");
            alarm(AlarmKind::Changed, next, detail)
        })?;
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        if !record.hash_holds() || record.canonical().as_bytes() != bytes {
            let detail = format!("{key}: its hash does not match its content");
            return Err(alarm(AlarmKind::Changed, record.seq(), detail));
        }
        let file = format!("{}.json", record.id().uuid());
        if key.rsplit('/').next() != Some(file.as_str()) {
            let detail = format!("{key}: holds another record's content");
            return Err(alarm(AlarmKind::Reordered, record.seq(), detail));
        }
        Ok(record)
    }

    /// Follows the records taken so far. Calling it during long reads bounds memory.
    ///
    /// # Errors
    /// The first record that does not follow.
    pub fn advance(&mut self) -> Result<(), Alarm> {
        let floor = self.last().map_or(0, |(seq, _, _)| seq);
        loop {
            let Some((seq, (record, key))) = self.pending.pop_first() else {
                return Ok(());
            };
            let chain = self.chain.get_or_insert_with(|| match seq {
                1 => Followed::at(0, GENESIS_HASH.to_owned()),
                // an export that begins later is followed from there
                _ => Followed::at(seq - 1, record.prev_hash().to_owned()),
            });
            if seq > chain.seq() + 1 {
                self.pending.insert(seq, (record, key));
                return Ok(());
            }
            if let Err(fault) = chain.step(&record) {
                let detail = format!("{key}: {}", fault.detail);
                return Err(alarm(fault.kind.into(), seq, detail));
            }
            self.memory.first = self.memory.first.or(Some(seq));
            let step = FollowedRecord {
                hash: record.hash().to_owned(),
                at: record.at().unwrap_or(self.memory.began_at),
                key,
            };
            let is_named = self.expected.iter().any(|it| it.head.seq() == seq);
            if seq >= floor || is_named {
                self.steps.insert(seq, step.clone());
            }
            self.newest = Some(step);
        }
    }

    /// The first missing record that expected heads need. Search the whole export for it before
    /// concluding.
    pub fn lacks(&self) -> Option<u64> {
        let needed = self.expected.iter().map(|it| it.head.seq()).max()?;
        let followed = self.chain.as_ref().map_or(0, Followed::seq);
        (followed < needed).then_some(followed + 1)
    }

    /// Judges expected heads in order, up to the first one its records contradict.
    pub fn conclude(&mut self, now: Timestamp) -> Concluded {
        let (before, is_first) = (self.covered(), self.memory.head.is_none());
        let mut countersign: Vec<PublishedHead> = Vec::new();
        let mut alarm = None;
        let heads_to = self.heads_after(now);
        let mut held: Vec<String> = Vec::new();
        for it in std::mem::take(&mut self.expected) {
            let last = self.covered();
            let step = match self.borne_out(&it) {
                Ok(Some(step)) => step,
                Ok(None) => {
                    held.push(it.key);
                    continue;
                }
                Err(found) => {
                    held.retain(|key| *key < it.key);
                    alarm = Some(found);
                    break;
                }
            };
            held.push(it.key.clone());
            if it.head.seq() > last && it.head.is_signed() {
                if is_first {
                    // at a first look the newest head covers the earlier ones
                    countersign.clear();
                }
                countersign.push(it.head.clone());
            }
            self.remember(it, &step);
        }
        let ahead = &mut self.memory.heads_ahead;
        ahead.extend(held);
        let due = ahead.iter().filter(|key| **key <= head_key(now)).cloned();
        self.memory.heads_to = heads_to.into_iter().chain(due).max();
        let to = self.memory.heads_to.clone().unwrap_or_default();
        ahead.retain(|key| *key > to);
        self.memory.looked_at = now;
        // a second head for covered records adds nothing, at any key
        let has_news = self.covered() > before;
        let silence = self.silence(now, has_news);
        Concluded {
            countersign,
            alarm: alarm.or(silence),
        }
    }

    /// The record that supports a head; `None` when the export begins after it.
    fn borne_out(&self, expected: &Expected) -> Result<Option<FollowedRecord>, Alarm> {
        let (seq, hash) = (expected.head.seq(), expected.head.hash());
        if let Some(known) = self.memory.head.as_ref().filter(|head| head.seq == seq) {
            // the same record: its hash was compared in `expect`
            return Ok(Some(FollowedRecord {
                hash: known.hash.clone(),
                key: known.record.clone(),
                at: known.record_at,
            }));
        }
        let followed = self.chain.as_ref().map_or(0, Followed::seq);
        match self.steps.get(&seq) {
            Some(step) if step.hash == hash => Ok(Some(step.clone())),
            Some(step) => {
                let detail = format!("{}: {} says otherwise", step.key, expected.key);
                Err(alarm(AlarmKind::Fork, seq, detail))
            }
            None if seq > followed => {
                let detail = format!("it is not in the export, and {} knows it", expected.key);
                Err(alarm(AlarmKind::Missing, followed + 1, detail))
            }
            None => Ok(None),
        }
    }

    fn remember(&mut self, expected: Expected, step: &FollowedRecord) {
        let head = expected.head;
        self.memory.log = head
            .log()
            .map(ToString::to_string)
            .or_else(|| self.memory.log.take());
        self.steps = self.steps.split_off(&head.seq());
        self.memory.head = Some(Remembered {
            key: expected.key,
            sha256: expected.sha256,
            seq: head.seq(),
            hash: head.hash().to_owned(),
            at: head.at(),
            signed: head.is_signed(),
            record: step.key.clone(),
            record_at: step.at,
        });
    }

    fn silence(&mut self, now: Timestamp, has_news: bool) -> Option<Alarm> {
        let covered = self.covered();
        let followed = self.chain.as_ref().map_or(0, Followed::seq);
        let newest = self.pending.keys().next_back().copied();
        if newest.unwrap_or(0).max(followed) <= covered {
            self.memory.uncovered_since = None;
            return None;
        }
        let known = self.memory.uncovered_since.filter(|_| !has_news);
        let since = *self.memory.uncovered_since.insert(known.unwrap_or(now));
        (SILENCE_MAX.after(since) <= now).then(|| {
            let detail = format!("records grow, and no head came since {since}");
            alarm(AlarmKind::Silence, covered + 1, detail)
        })
    }
}

#[derive(Clone, Debug, Default)]
pub struct KnownKeys(BTreeSet<String>);

impl KnownKeys {
    /// Returns unknown keys of `listed`. Forgets keys before `after`, which are not listed again.
    pub fn fresh(&mut self, listed: Vec<String>, after: Option<&str>) -> Vec<String> {
        if let Some(after) = after {
            self.0 = self.0.split_off(after);
        }
        let is_fresh = |key: &String| !self.0.contains(key);
        listed.into_iter().filter(is_fresh).collect()
    }

    pub fn add(&mut self, key: String) {
        self.0.insert(key);
    }

    pub fn forget(&mut self) {
        self.0.clear();
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}
