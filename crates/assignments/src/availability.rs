//! Detects AWS outages. Pure.
//!
//! Several unanswered calls in a row, without an answer between them, are an outage: then one call
//! is tried every two seconds, and other work waits. The first answer ends it for all.

use hallpass_base::{TimeSpan, Timestamp};

use crate::future_times;

const FAILURES: u32 = 3;
const PROBE_EVERY: TimeSpan = TimeSpan::seconds(2);
const PROBES_AT_ONCE: u32 = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Availability {
    Up { failures: u32 },
    Down { probe_at: Timestamp, probes: u32 },
}

impl Default for Availability {
    fn default() -> Self {
        Self::Up { failures: 0 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MayCall {
    Free,
    Probe,
    Wait(Option<Timestamp>),
}

impl Availability {
    pub(crate) fn may_call(self, now: Timestamp) -> MayCall {
        match self {
            Self::Up { .. } => MayCall::Free,
            Self::Down { probes, .. } if probes >= PROBES_AT_ONCE => MayCall::Wait(None),
            Self::Down { probe_at, .. } => {
                let probe_at = future_times::sooner(probe_at, now, PROBE_EVERY);
                if now >= probe_at {
                    MayCall::Probe
                } else {
                    MayCall::Wait(Some(probe_at))
                }
            }
        }
    }

    pub(crate) fn begin_probe(&mut self, now: Timestamp) {
        if let Self::Down { probe_at, probes } = self {
            *probe_at = PROBE_EVERY.after(now);
            *probes = probes.saturating_add(1);
        }
    }

    pub(crate) fn end_probe(&mut self) {
        if let Self::Down { probes, .. } = self {
            *probes = probes.saturating_sub(1);
        }
    }

    /// Returns whether this ends an outage.
    pub(crate) fn answered(&mut self) -> bool {
        let was_down = matches!(self, Self::Down { .. });
        *self = Self::default();
        was_down
    }

    /// Returns whether this begins an outage.
    pub(crate) fn unanswered(&mut self, now: Timestamp) -> bool {
        match self {
            Self::Up { failures } if *failures + 1 < FAILURES => {
                *failures += 1;
                false
            }
            Self::Up { .. } => {
                *self = Self::Down {
                    probe_at: PROBE_EVERY.after(now),
                    probes: 0,
                };
                true
            }
            Self::Down { .. } => false,
        }
    }

    pub(crate) fn try_now(&mut self) {
        if let Self::Down { probe_at, .. } = self {
            *probe_at = Timestamp::MIN;
        }
    }

    #[cfg(test)]
    pub(crate) fn is_up(self) -> bool {
        matches!(self, Self::Up { .. })
    }
}

/// Backs off after throttling, longer each time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Throttle {
    strikes: u32,
    until: Option<Timestamp>,
}

const REST_MS: u64 = 100;

impl Throttle {
    pub(crate) fn throttled(&mut self, now: Timestamp) {
        let rest = std::time::Duration::from_millis(REST_MS << self.strikes.min(4));
        self.strikes = self.strikes.saturating_add(1);
        self.until = now.checked_add(rest).ok();
    }

    pub(crate) fn call_taken(&mut self) {
        self.strikes = 0;
    }

    pub(crate) fn rests_until(self, now: Timestamp) -> Option<Timestamp> {
        let until = self.until?;
        let until = future_times::sooner(until, now, TimeSpan::seconds(2));
        (until > now).then_some(until)
    }
}

#[cfg(test)]
#[path = "availability_tests.rs"]
mod tests;
