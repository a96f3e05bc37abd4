//! Runs the real binary like users and scripts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod audit;
mod calculators;
mod check;
mod decide;
mod denied;
mod doctor;
mod exits;
mod facts;
mod fake;
mod formatting;
mod guardrails;
mod listings;
mod login;
mod mmdb;
mod names;
mod outputs;
mod people;
mod policy_data;
mod policy_lint;
mod replays;
mod run;
mod several;
mod simulator;
mod stored;
mod vpn;
