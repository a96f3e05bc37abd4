//! Tests reading logs, and the rows of `inventory.md` §7.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

mod files;
mod stage;

mod digests;
mod faults;
mod fixture;
mod grant_use;
mod merging;
mod properties;
mod reading;
mod rules;
mod shrink;
mod shrink_properties;
mod table;
