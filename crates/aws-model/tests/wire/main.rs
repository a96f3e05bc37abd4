//! The catalog of this build, and the protocols against recorded bytes.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod catalog;
mod protocols;
