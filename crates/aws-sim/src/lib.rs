//! A simulated AWS organization with the real wire protocols.
//!
//! `core` and `services` are a pure state machine, `handle(call, caller, now) -> reply`. Around it:
//! HTTP, portal pages, the control API `/_sim/`, organization files, and a crash-safe state log.
//! Knows no request rules or grants: clients must not notice a difference from AWS.
//!
//! Module groups, lowest first; a group uses only those above it. `◄`: the right one uses the left.
//!
//! ```text
//! shared     base  vocabulary
//!            random numbers, virtual time, control paths; words of file and state
//! Slack      slack
//!            a simulated Slack
//! file       organization
//!            the organization file: read, completed, generated
//! machine    core ◄ services ◄ commands
//!            the state and its changes: one folder per service, and changes without a call
//! around it  protocol ◄ auth  call_log  faults  state
//!            wire protocols, signatures, log of calls, injected faults, log of the state
//! world      world
//!            all of it under one lock
//! entrances  control  pages  slack_host  on_call  tickets  concurrent_actor ◄ http
//!            control API, portal pages, Slack, services of on-call schedules and of tickets, AWS's
//!            HTTP
//! program    simulator
//!            one simulator that listens
//! ```

pub mod base;
mod vocabulary;

pub mod slack;

pub mod organization;

mod commands;
mod core;
mod services;

mod auth;
mod call_log;
mod faults;
mod protocol;
mod state;

mod world;

mod concurrent_actor;
mod control;
mod http;
mod on_call;
mod pages;
mod slack_host;
mod tickets;

mod simulator;

#[cfg(test)]
mod fuzz;

pub use crate::base::Problem;
pub use crate::slack::SlackFacts;
pub use organization::{Consistency, OrganizationFile, Speed};
pub use simulator::{
    Authorization, CALLS_KEPT, Credentials, IdentityCenterFacts, LoadError, Options, Simulator,
    serve,
};
