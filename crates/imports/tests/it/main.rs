//! What other tools have on file as rules of ours.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod answers;
mod broken;
mod company;
mod configuration;
mod elevator;
mod elevator_people;
mod elevator_settings;
mod entra;
mod entra_partial;
mod equivalence;
mod exports;
mod fuzz;
mod granted;
mod granted_cloud;
mod granted_priority;
mod granted_whose;
mod model;
mod policies;
mod published_examples;
mod reported;
mod teleport;
mod teleport_parts;
