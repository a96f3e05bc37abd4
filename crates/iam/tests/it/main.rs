//! Integration tests of the policy engine, from the specification's tables.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

mod attributes;
mod bad_input;
mod delegation;
mod denial;
mod engine;
mod facts;
mod fuzz;
mod fuzz_files;
mod grid;
mod guard_rows;
mod lint;
mod lint_codes;
mod lint_reference;
mod lint_wide;
mod oracle;
mod oracle_agrees;
mod outage;
mod perimeter;
mod powers;
mod properties;
mod random;
mod reasons;
mod residual;
mod rooms;
mod rows;
mod secrets_generate;
mod secrets_table;
mod sessions_generate;
mod sessions_table;
mod split;
mod suite;
mod summary;
mod table_cells;
mod tables_accounts;
mod tables_conditions;
mod tables_engine;
mod tables_language;
mod vpn_handler;
mod vpn_policy;
