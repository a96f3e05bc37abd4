//! The parts that commands and the server share, each above those before it.
//!
//! * `host`: the machine: descriptors, keys, locks, the store's engine, snapshots.
//! * `log_files`, `directories`, `telemetry`, `guard_files`: adapters for logs of CloudTrail, for Okta and
//!   SCIM, for OTLP, and for the files of a guard.
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
pub mod reports;
pub mod setup;
pub mod telemetry;
