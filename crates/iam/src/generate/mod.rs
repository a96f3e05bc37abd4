//! Policies made by us: each generator takes a typed wish and returns a [`Draft`].

mod draft;
pub mod ids;
mod wish;

pub use draft::{Draft, DraftStatement, Many, Wanted};
pub use wish::{WishCode, WishError};
