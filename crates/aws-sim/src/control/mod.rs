//! The control API `/_sim/`: state, faults, clock, call log, foreign changes (`simulator.md` §4).
//! Exempt from faults, throttles and the call log.

mod clock;
mod events;
mod faults;
mod file;
mod merge;
mod problems;
mod router;
mod sessions;
mod state;

pub(crate) use router::router;
