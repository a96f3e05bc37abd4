#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod described;
mod following;
mod form;
mod fuzz;
mod growing;
mod querying;
mod reaching;
mod tampering;
mod witnessing;
mod world;
