//! `organization.md` §6 through the public interface.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it should be"
)]

mod acceptance;
mod actions;
mod changed_rules;
mod deciding;
mod drift;
mod killed;
mod own_code;
mod several;
mod taken_back;
mod world;
