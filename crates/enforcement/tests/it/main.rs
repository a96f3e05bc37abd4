//! Enforced expiry and session revocation with an in-memory organization.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod armed_rounds;
mod bench;
mod old_quotas;
