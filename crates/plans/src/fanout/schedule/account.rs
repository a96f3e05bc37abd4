//! One account of a run: how far it has been entered, and what of it may be asked.

use std::collections::VecDeque;

use crate::fanout::facts::{EnabledRegions, PlannedCall, SliceFailure};

/// Credentials are exchanged so long before they end.
const SPARE_MS: u64 = 300_000;

/// A call with its history.
#[derive(Clone, Debug)]
pub(crate) struct PlannedTry {
    pub(crate) call: PlannedCall,
    /// Tries before this one.
    pub(crate) tries: u32,
}

impl PlannedTry {
    pub(crate) fn first(call: PlannedCall) -> Self {
        Self { call, tries: 0 }
    }
}

/// Whether calls inside the account may be made.
#[derive(Clone, Debug)]
pub(crate) enum Entered {
    /// They may, until then; without an end where none is set.
    Yes(Option<u64>),
    /// The role is being assumed.
    Soon,
    /// They may not.
    Refused(SliceFailure),
}

/// What is known of the account's Regions.
#[derive(Clone, Debug)]
pub(crate) enum KnownRegions {
    /// These so far.
    Asking(Vec<String>),
    /// The Regions that are on in the account.
    Known(EnabledRegions),
    /// Nobody says.
    Lost,
}

/// An account that is asked.
#[derive(Debug)]
pub(crate) struct AccountProgress {
    pub(crate) entered: Entered,
    pub(crate) regions: KnownRegions,
    /// What may begin, as soon as there is room.
    pub(crate) ready: VecDeque<PlannedTry>,
    pub(crate) in_flight: usize,
    /// Its slices were made from its Regions.
    pub(crate) is_cut: bool,
}

impl AccountProgress {
    /// Whether calls inside it may be made now.
    pub(crate) fn is_open(&self, now_ms: u64) -> bool {
        match &self.entered {
            Entered::Yes(until) => until.is_none_or(|until| now_ms + SPARE_MS < until),
            Entered::Soon | Entered::Refused(_) => false,
        }
    }

    /// Whether its credentials are over, or soon will be.
    pub(crate) fn is_stale(&self, now_ms: u64) -> bool {
        matches!(self.entered, Entered::Yes(_)) && !self.is_open(now_ms)
    }
}
