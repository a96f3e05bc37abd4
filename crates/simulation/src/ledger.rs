//! External record of a simulation with several nodes; hidden from the nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hallpass_assignments::OperationKind;
use hallpass_base::{HoldKey, RequestId, Timestamp};

use crate::broken::Broken;
use crate::landmarks::Reached;

#[derive(Clone, Debug)]
pub struct NodeWrite {
    pub sent_at: Timestamp,
    pub at: Timestamp,
    pub node: String,
    pub epoch: u64,
    pub kind: OperationKind,
    pub key: HoldKey,
    /// Whether its node paused between the last look and the network.
    pub was_unsent: bool,
}

#[derive(Default)]
struct Lines {
    writes: Vec<NodeWrite>,
    broken: Vec<Broken>,
    told: BTreeMap<u64, u32>,
    acknowledged: Vec<RequestId>,
    /// Keys written while a fault may have hidden the answer.
    uncertain: BTreeSet<HoldKey>,
    told_broken: BTreeSet<(&'static str, String)>,
    sent: BTreeSet<HoldKey>,
    looks: Vec<(HoldKey, Timestamp)>,
    trace: u64,
    story: Vec<String>,
    is_relaxed: bool,
}

#[derive(Default)]
pub struct Ledger {
    lines: Mutex<Lines>,
    pub reached: Reached,
    is_told_in_full: bool,
}

impl Ledger {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note_broken(&self, promise: &'static str, seen: String) {
        self.lines().broken.push(Broken { promise, seen });
    }

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

    /// Mixes a value into the trace number, which repeats with the seed.
    pub(crate) fn mix(&self, value: i64) {
        let mut lines = self.lines();
        lines.trace = (lines.trace ^ value.cast_unsigned()).wrapping_mul(0x0100_0000_01b3);
    }

    pub fn writes(&self) -> Vec<NodeWrite> {
        self.lines().writes.clone()
    }

    /// Notes a key whose answer may be lost.
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

    pub(crate) fn tell(&self, line: String) {
        if self.is_told_in_full {
            self.lines().story.push(line);
        }
    }

    pub fn story(&self) -> Vec<String> {
        self.lines().story.clone()
    }

    pub(crate) fn note_sent(&self, key: &HoldKey) {
        self.lines().sent.insert(key.clone());
    }

    /// Records that a node read all keys matched by `shows`; the read began at `began`.
    pub(crate) fn note_look(&self, began: Timestamp, shows: impl Fn(&HoldKey) -> bool) {
        let mut lines = self.lines();
        let seen = lines.sent.iter().filter(|key| shows(key));
        let seen: Vec<_> = seen.map(|key| (key.clone(), began)).collect();
        lines.looks.extend(seen);
    }

    /// Returns whether a node looked after `since` and before the write. Nodes store the result,
    /// and the next leader uses it.
    pub(crate) fn has_looked(&self, write: &NodeWrite, since: Timestamp) -> bool {
        let lines = self.lines();
        let mut looks = lines.looks.iter();
        looks.any(|(key, at)| *key == write.key && since < *at && *at < write.at)
    }

    /// Allows longer delays for a reason that is no fault of a node.
    pub(crate) fn relax(&self) {
        self.lines().is_relaxed = true;
    }

    pub(crate) fn is_relaxed(&self) -> bool {
        self.lines().is_relaxed
    }

    pub(crate) fn note_certain(&self, key: &HoldKey) {
        self.lines().uncertain.remove(key);
    }

    pub(crate) fn is_uncertain(&self, key: &HoldKey) -> bool {
        self.lines().uncertain.contains(key)
    }

    pub(crate) fn uncertain(&self) -> BTreeSet<HoldKey> {
        self.lines().uncertain.clone()
    }

    pub fn broken(&self) -> Vec<Broken> {
        self.lines().broken.clone()
    }

    pub(crate) fn acknowledged(&self) -> Vec<RequestId> {
        self.lines().acknowledged.clone()
    }

    pub fn trace(&self) -> u64 {
        self.lines().trace
    }
}
