//! The engine against a small world of keys and values.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod again;
mod in_part;
mod persons;
mod running;
mod stopping;
mod unasked;
mod world;
