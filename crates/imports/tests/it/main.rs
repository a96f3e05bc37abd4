//! Imports from other tools.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod company;
mod configuration;
mod elevator;
mod elevator_people;
mod elevator_settings;
mod equivalence;
mod exports;
mod fuzz;
mod model;
mod policies;
mod published_examples;
mod reported;
