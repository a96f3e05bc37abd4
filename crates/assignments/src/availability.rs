//! Whether AWS answers. Pure.
//!
//! One call without an answer is its row's own matter. Several in a row, with no answer between them,
//! mean that AWS answers nobody: then one call is tried every two seconds, and everything else keeps
//! its place in line. The first answer ends it, and all goes on at once.

use hallpass_base::{TimeSpan, Timestamp};

use crate::future_times;

/// Calls without an answer, one after the other, that make an outage.
const FAILURES: u32 = 3;
/// How often it is tried meanwhile.
const PROBE_EVERY: TimeSpan = TimeSpan::seconds(2);
/// Tries under way at the same time: one that hangs holds up no other.
const PROBES_AT_ONCE: u32 = 8;

/// What is known of one kind of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Availability {
    /// They are answered.
    Up {
        /// Those without an answer since the last answer.
        failures: u32,
    },
    /// They are not.
    Down {
        /// When the next one is tried.
        probe_at: Timestamp,
        /// Tries under way.
        probes: u32,
    },
}

impl Default for Availability {
    fn default() -> Self {
        Self::Up { failures: 0 }
    }
}

/// What may be called now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MayCall {
    /// Anything.
    Free,
    /// One call, as a try.
    Probe,
    /// Nothing before this instant, unless a try that is under way is answered.
    Wait(Option<Timestamp>),
}

impl Availability {
    /// What may be called.
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

    /// A try begins.
    pub(crate) fn begin_probe(&mut self, now: Timestamp) {
        if let Self::Down { probe_at, probes } = self {
            *probe_at = PROBE_EVERY.after(now);
            *probes = probes.saturating_add(1);
        }
    }

    /// A try has ended, one way or the other.
    pub(crate) fn end_probe(&mut self) {
        if let Self::Down { probes, .. } = self {
            *probes = probes.saturating_sub(1);
        }
    }

    /// A call was answered; whether that ends an outage.
    pub(crate) fn answered(&mut self) -> bool {
        let was_down = matches!(self, Self::Down { .. });
        *self = Self::default();
        was_down
    }

    /// A call was not answered; whether that begins an outage.
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

    /// The next call is tried at once: others are answered again.
    pub(crate) fn try_now(&mut self) {
        if let Self::Down { probe_at, .. } = self {
            *probe_at = Timestamp::MIN;
        }
    }

    /// Whether calls are answered.
    #[cfg(test)]
    pub(crate) fn is_up(self) -> bool {
        matches!(self, Self::Up { .. })
    }
}

/// A refusal that says nothing but "slow down": everything rests a moment, longer with each that
/// follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Throttle {
    strikes: u32,
    until: Option<Timestamp>,
}

/// The first rest, in milliseconds; doubles up to sixteen times as much.
const REST_MS: u64 = 100;

impl Throttle {
    /// AWS said so.
    pub(crate) fn throttled(&mut self, now: Timestamp) {
        let rest = std::time::Duration::from_millis(REST_MS << self.strikes.min(4));
        self.strikes = self.strikes.saturating_add(1);
        self.until = now.checked_add(rest).ok();
    }

    /// A call was taken.
    pub(crate) fn call_taken(&mut self) {
        self.strikes = 0;
    }

    /// Until when nothing is sent, if that lies ahead.
    pub(crate) fn rests_until(self, now: Timestamp) -> Option<Timestamp> {
        let until = self.until?;
        let until = future_times::sooner(until, now, TimeSpan::seconds(2));
        (until > now).then_some(until)
    }
}

#[cfg(test)]
#[path = "availability_tests.rs"]
mod tests;
