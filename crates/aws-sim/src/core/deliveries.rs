//! Past and pending deliveries of trails, in memory like the history.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::base::Millis;

use super::{digests::DigestChains, event_history::HistoryEvent, objects::ObjectStore};

#[derive(Debug, Clone, Default)]
pub(crate) struct Deliveries {
    pub waiting: VecDeque<Arc<HistoryEvent>>,
    pub round: Millis,
    /// Total delivered files; part of their names.
    pub made: u64,
    /// By trail ARN.
    pub latest: BTreeMap<String, Millis>,
    pub chains: DigestChains,
    pub objects: ObjectStore,
}

impl Deliveries {
    pub(crate) fn add(&mut self, event: &Arc<HistoryEvent>) {
        self.waiting.push_back(Arc::clone(event));
    }
}
