//! The router over an in-memory store: authorization, errors, idempotency.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

mod after_commit;
mod again;
mod alerts;
mod approving;
mod attacks;
mod authorization;
mod browser;
mod campaigns;
mod claims;
mod compression;
mod connections;
mod denied;
mod description;
mod extending;
mod fake_oidc;
mod fallback;
mod first_sign_in;
mod grant_activity;
mod hidden;
mod judged_people;
mod listing_filters;
mod listings;
mod logins;
mod numbers;
mod outstanding;
mod own;
mod pages;
mod pages_ask;
mod pages_choices;
mod pages_of_everybody;
mod pages_of_the_log;
mod pages_presses;
mod pages_visit;
mod pages_words;
mod paths;
mod people;
mod permission_sets;
mod plans;
mod reference;
mod refusals;
mod remediations;
mod repeats;
mod replaying;
mod reports;
mod routes;
mod rule_checks;
mod signed_in;
mod signing_in;
mod streams;
mod test_server;
mod together;
mod torn;
mod unsure;
mod warned;
