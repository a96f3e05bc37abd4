//! The parts that commands and the server share, each above those before it.
//!
//! * `host`: the machine: descriptors, keys, locks, the store's engine, snapshots.
//! * `log_files`, `directories`, `on_call`, `tickets` (both over `outside_service`), `telemetry`,
//!   `guard_files`: adapters for logs of CloudTrail, for Okta and SCIM, for services that say who is
//!   on call, for services of tickets, for OTLP, and for the files of a guard.
//! * `config`: the configuration file, a module per table.
//! * `setup`: opens the configuration, the store, AWS, the rules and the directory.
//! * `reports`: alerts over snapshots, people by PCI, use of grants.
//! * `chores`: plans for the organization, from a draft to a report.
//! * `loops`: the background tasks of a server.

pub mod chores;
pub mod config;
pub mod directories;
pub mod guard_files;
pub mod host;
pub mod log_files;
pub mod loops;
pub mod on_call;
mod outside_service;
pub mod reports;
pub mod setup;
pub mod telemetry;
pub mod tickets;
