//! Integration tests of the policy engine: the tables of the specification as test tables.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod asked;
mod delegation;
mod facts;
mod facts;
mod grid;
mod lint;
mod lint_codes;
mod lint_reference;
mod split;
mod outage;
mod perimeter;
mod residual;
mod rows;
mod secrets_generate;
mod secrets_table;
mod sessions_generate;
mod sessions_table;
mod suite;
mod vpn_handler;
mod vpn_policy;
