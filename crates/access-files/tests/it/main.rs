//! Access files from text to applied plan, by the rows of `inventory.md` §4.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod world;

mod applying;
mod comparing;
mod converting;
mod cutting;
mod drifting;
mod fuzz;
mod memberships;
mod properties;
mod reading;
mod selecting;
