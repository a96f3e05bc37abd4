//! Integration tests of the policy engine: the tables of the specification as test tables.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

mod bad_input;
mod engine;
mod facts;
mod fuzz;
mod grid;
mod oracle;
mod oracle_agrees;
mod properties;
mod random;
mod rows;
mod tables_accounts;
mod tables_conditions;
mod tables_engine;
mod tables_language;
