//! Tables of AWS TEAM as rules of ours.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod company;
mod elevator;
mod equivalence;
mod exports;
mod model;
mod reported;
