//! A simulated AWS organization that speaks the real wire protocols.
//!
//! The core is a pure state machine, `handle(call, caller, now) -> reply`; around it stand the
//! HTTP face that checks signatures, the control API `/_sim/` that injects faults and moves the
//! clock, the organization file with its generator, and the state log that survives a crash.
//! Knows nothing of rules, requests or grants: a client must not notice that this is not AWS.
#![warn(missing_docs)]

mod core;
pub mod organization;
