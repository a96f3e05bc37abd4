//! The real binary, run as people and scripts run it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod audit;
mod check;
mod decide;
mod exits;
mod fake;
mod login;
mod mmdb;
mod people;
mod policy_data;
mod run;
mod simulator;
mod vpn;
