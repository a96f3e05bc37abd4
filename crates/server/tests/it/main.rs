//! The router over a store in memory: who may call what, what every refusal says, what repeats.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod authorization;
mod breaking;
mod description;
mod house;
mod listings;
mod pages_of_everybody;
mod pages_of_the_log;
mod reference;
mod refusals;
mod repeats;
mod signed_in;
mod streams;
