//! A simulated AWS organization that speaks the real wire protocols.
//!
//! The core is a pure state machine, `handle(call, caller, now) -> reply`; around it stand the
//! HTTP face that checks signatures, the control API `/_sim/` that injects faults and moves the
//! clock, the simulated Slack `/_slack/`, the organization file with its generator, and the state
//! log that survives a crash.
//! Knows nothing of rules, requests or grants: a client must not notice that this is not AWS.
#![warn(missing_docs)]

mod simulator;

mod auth;
mod control;
mod core;
mod faults;
#[cfg(test)]
mod fuzz;
mod http;
pub mod organization;
mod pages;
mod protocol;
mod services;
mod slack;
mod state;

pub use organization::{Consistency, OrganizationFile, Problem, Speed};
pub use simulator::{
    Authorization, Credentials, IdentityCenterFacts, LoadError, Options, Simulator, SlackFacts,
    serve,
};
