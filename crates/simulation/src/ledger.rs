//! What happened in a life with several nodes, as nobody in it can see it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hallpass_assignments::OperationKind;
use hallpass_base::{HoldKey, RequestId, Timestamp};

use crate::broken::Broken;
use crate::landmarks::Reached;

/// A write that AWS took.
#[derive(Clone, Debug)]
pub struct NodeWrite {
    /// When it was sent.
    pub sent_at: Timestamp,
    /// When it reached AWS.
    pub at: Timestamp,
    /// The node that sent it.
    pub node: String,
    /// In which epoch.
    pub epoch: u64,
    /// What it was.
    pub kind: OperationKind,
    /// Of what.
    pub key: HoldKey,
    /// Whether its node had been paused between the last look and the network.
    pub was_unsent: bool,
}

#[derive(Default)]
struct Lines {
    writes: Vec<NodeWrite>,
    broken: Vec<Broken>,
    told: BTreeMap<u64, u32>,
    acknowledged: Vec<RequestId>,
    /// What was written of while something might keep its answer from us.
    uncertain: BTreeSet<HoldKey>,
    told_broken: BTreeSet<(&'static str, String)>,
    /// What was ever sent, whether it has arrived or not.
    sent: BTreeSet<HoldKey>,
    looks: Vec<(HoldKey, Timestamp)>,
    trace: u64,
    story: Vec<String>,
    is_relaxed: bool,
}

/// What happened.
#[derive(Default)]
pub struct Ledger {
    lines: Mutex<Lines>,
    /// What was reached.
    pub reached: Reached,
    is_told_in_full: bool,
}

impl Ledger {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A promise was broken.
    pub(crate) fn note_broken(&self, promise: &'static str, seen: String) {
        self.lines().broken.push(Broken { promise, seen });
    }

    /// A promise was broken of something, which is told once.
    pub(crate) fn note_broken_once(&self, promise: &'static str, of: &str, seen: String) {
        let subject = (promise, of.to_owned());
        if self.lines().told_broken.insert(subject) {
            self.note_broken(promise, seen);
        }
    }

    pub(crate) fn note_unfenced(&self, node: &str) {
        let seen = format!("{node} wrote and did not lead");
        self.note_broken("only_the_leader_writes_to_the_store", seen);
    }

    pub(crate) fn note_write(&self, write: NodeWrite) {
        self.mix(write.at.as_microsecond());
        self.lines().writes.push(write);
    }

    pub(crate) fn note_told(&self, number: u64) {
        *self.lines().told.entry(number).or_default() += 1;
    }

    pub(crate) fn note_acknowledged(&self, id: RequestId) {
        self.lines().acknowledged.push(id);
    }

    /// What a life was like, in one number: the same for the same seed.
    pub(crate) fn mix(&self, value: i64) {
        let mut lines = self.lines();
        lines.trace = (lines.trace ^ value.cast_unsigned()).wrapping_mul(0x0100_0000_01b3);
    }

    /// Every write that AWS took, in order.
    pub fn writes(&self) -> Vec<NodeWrite> {
        self.lines().writes.clone()
    }

    /// An answer about it may have been lost.
    pub(crate) fn note_uncertain(&self, key: &HoldKey) {
        self.lines().uncertain.insert(key.clone());
    }

    pub(crate) fn told_in_full(is_told_in_full: bool) -> Self {
        Self {
            is_told_in_full,
            ..Self::default()
        }
    }

    pub(crate) fn is_told_in_full(&self) -> bool {
        self.is_told_in_full
    }

    /// Something that whoever looks into a life wants to know.
    pub(crate) fn tell(&self, line: String) {
        if self.is_told_in_full {
            self.lines().story.push(line);
        }
    }

    /// The life, line by line.
    pub fn story(&self) -> Vec<String> {
        self.lines().story.clone()
    }

    /// A node sends something about it.
    pub(crate) fn note_sent(&self, key: &HoldKey) {
        self.lines().sent.insert(key.clone());
    }

    /// A node looked at all that `shows` says; the look began then.
    pub(crate) fn note_look(&self, began: Timestamp, shows: impl Fn(&HoldKey) -> bool) {
        let mut lines = self.lines();
        let seen = lines.sent.iter().filter(|key| shows(key));
        let seen: Vec<_> = seen.map(|key| (key.clone(), began)).collect();
        lines.looks.extend(seen);
    }

    /// Whether somebody looked after `since`, and before it was made. What a node saw is stored, and the next one goes by
    /// it.
    pub(crate) fn has_looked(&self, write: &NodeWrite, since: Timestamp) -> bool {
        let lines = self.lines();
        let mut looks = lines.looks.iter();
        looks.any(|(key, at)| *key == write.key && since < *at && *at < write.at)
    }

    /// What of this life is later than usual for a reason that is no fault of a node.
    pub(crate) fn relax(&self) {
        self.lines().is_relaxed = true;
    }

    pub(crate) fn is_relaxed(&self) -> bool {
        self.lines().is_relaxed
    }

    /// Its answer came.
    pub(crate) fn note_certain(&self, key: &HoldKey) {
        self.lines().uncertain.remove(key);
    }

    pub(crate) fn is_uncertain(&self, key: &HoldKey) -> bool {
        self.lines().uncertain.contains(key)
    }

    pub(crate) fn uncertain(&self) -> BTreeSet<HoldKey> {
        self.lines().uncertain.clone()
    }

    /// What was broken so far.
    pub fn broken(&self) -> Vec<Broken> {
        self.lines().broken.clone()
    }

    /// Requests that people were told are stored.
    pub(crate) fn acknowledged(&self) -> Vec<RequestId> {
        self.lines().acknowledged.clone()
    }

    /// The number of the whole life.
    pub fn trace(&self) -> u64 {
        self.lines().trace
    }
}
