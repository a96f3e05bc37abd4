//! Tables, documents, coverage and changes per `inventory.md` §1.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop at any point"
)]

mod access;
mod access_changes;
mod access_review;
mod changes;
mod coverage;
mod documents;
mod tables;
