//! A simulated AWS organization with the real wire protocols.
//!
//! `core` and `services` are a pure state machine, `handle(call, caller, now) -> reply`. Around it:
//! HTTP, portal pages, the control API `/_sim/`, organization files, and a crash-safe state log.
//! Knows no request rules or grants: clients must not notice a difference from AWS.

mod simulator;

mod core;
pub mod organization;
mod services;
mod vocabulary;

mod call_log;
mod commands;
mod faults;
mod somebody;
mod state;
mod world;

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
