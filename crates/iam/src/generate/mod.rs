//! Policies made by us: each generator takes a typed wish and returns a [`Draft`].

mod draft;
mod refused;
pub mod sessions;

pub use draft::{Draft, DraftStatement, Many, Wanted};
pub use refused::Refused;
