//! The engine on a small key-value world.
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
