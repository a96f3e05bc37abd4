//! Organization chores with an in-memory organization.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod bench;
mod channels;
mod clusters;
mod cutting_off;
mod cutting_together;
mod delegation;
mod drills;
mod enrolment;
mod gated;
mod insights;
mod payer;
mod payer_roles;
mod people;
mod propagation;
mod providers;
mod readiness;
mod scripted;
mod standards;
mod stopping;
mod vending;
