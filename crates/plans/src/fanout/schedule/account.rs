//! State of one account in a run.

use std::collections::VecDeque;

use crate::fanout::facts::{EnabledRegions, PlannedCall, SliceFailure};

/// Renews credentials this long before expiry.
const SPARE_MS: u64 = 300_000;

#[derive(Clone, Debug)]
pub(crate) struct PlannedTry {
    pub(crate) call: PlannedCall,
    pub(crate) tries: u32,
}

impl PlannedTry {
    pub(crate) fn first(call: PlannedCall) -> Self {
        Self { call, tries: 0 }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Entered {
    /// Until then, if limited.
    Yes(Option<u64>),
    Soon,
    Refused(SliceFailure),
}

#[derive(Clone, Debug)]
pub(crate) enum KnownRegions {
    Asking(Vec<String>),
    Known(EnabledRegions),
    Lost,
}

#[derive(Debug)]
pub(crate) struct AccountProgress {
    pub(crate) entered: Entered,
    pub(crate) regions: KnownRegions,
    pub(crate) ready: VecDeque<PlannedTry>,
    pub(crate) in_flight: usize,
    /// Slices were created from its Regions.
    pub(crate) is_cut: bool,
}

impl AccountProgress {
    pub(crate) fn is_open(&self, now_ms: u64) -> bool {
        match &self.entered {
            Entered::Yes(until) => until.is_none_or(|until| now_ms + SPARE_MS < until),
            Entered::Soon | Entered::Refused(_) => false,
        }
    }

    pub(crate) fn is_stale(&self, now_ms: u64) -> bool {
        matches!(self.entered, Entered::Yes(_)) && !self.is_open(now_ms)
    }
}
