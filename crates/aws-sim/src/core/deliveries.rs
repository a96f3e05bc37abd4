//! What trails have delivered and are about to, in memory as the history is.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::base::Millis;

use super::{digests::DigestChains, event_history::HistoryEvent, objects::ObjectStore};

/// What trails have delivered and are about to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deliveries {
    /// Events that no round took yet.
    pub waiting: VecDeque<Arc<HistoryEvent>>,
    /// The last round.
    pub round: Millis,
    /// Files that were ever delivered: names are made of it.
    pub made: u64,
    /// When each trail's last file was delivered, by ARN.
    pub latest: BTreeMap<String, Millis>,
    pub chains: DigestChains,
    pub objects: ObjectStore,
}

impl Deliveries {
    /// An event that trails may take.
    pub(crate) fn add(&mut self, event: &Arc<HistoryEvent>) {
        self.waiting.push_back(Arc::clone(event));
    }
}
