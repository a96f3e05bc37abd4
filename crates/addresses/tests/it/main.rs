//! The rules of `inventory.md` §6 through the public interface.
#![expect(
    clippy::unwrap_used,
    clippy::result_large_err,
    clippy::too_many_lines,
    clippy::unnecessary_wraps,
    reason = "a test ends where something is not as it should be; tables are long"
)]

mod aggregator;
mod config;
mod coverage;
mod merging;
