//! Tests the rules of `organization.md` §2 through the public interface.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it should be"
)]

mod acceptance;
mod limits;
mod places;
mod standing;
mod template;
mod world;
