//! Policies made by us: each generator takes a typed wish and returns a [`Draft`].

mod draft;

pub use draft::{Draft, DraftStatement, Many, Wanted};
