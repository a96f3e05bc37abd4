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
mod reference;
mod pages_ask;
mod pages_presses;
mod pages_visit;
mod pages_words;
mod refusals;
mod repeats;
mod streams;
