//! The rules of `inventory.md` §6.
#![expect(
    clippy::unwrap_used,
    clippy::result_large_err,
    clippy::unnecessary_wraps,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it should be"
)]

mod aggregator;
mod config;
mod coverage;
mod merging;
