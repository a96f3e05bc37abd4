//! Tests of `inventory.md` §2.2.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod advancing;
mod fuzz;
mod properties;
mod reading;
mod world;
