//! A simulated AWS organization that speaks the real wire protocols.
//!
//! `core` is the simulated world, `services` are the AWS services that show and change it: a pure
//! state machine, `handle(call, caller, now) -> reply`. Around it stand the HTTP face that checks
//! signatures, the access portal's pages, the control API `/_sim/` that injects faults and moves
//! the clock, the organization file with its generator, and the state log that survives a crash.
//! The simulated Slack is a crate of its own, which is given clock, faults and call log here.
//! Knows nothing of rules, requests or grants: a client must not notice that this is not AWS.
#![warn(missing_docs)]

mod simulator;

// the simulated world
mod core;
pub mod organization;
mod services;
mod vocabulary;

// what is done to it
mod call_log;
mod commands;
mod faults;
mod somebody;
mod state;
mod world;

// its faces
mod auth;
mod control;
#[cfg(test)]
mod fuzz;
mod http;
mod pages;
mod protocol;
mod slack_host;

pub use crate::base::Problem;
pub use crate::slack::SlackFacts;
pub use organization::{Consistency, OrganizationFile, Speed};
pub use simulator::{
    Authorization, CALLS_KEPT, Credentials, IdentityCenterFacts, LoadError, Options, Simulator,
    serve,
};
pub mod base;
pub mod slack;
