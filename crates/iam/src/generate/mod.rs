//! Policies made by us: each generator takes a typed wish and returns a [`Draft`].

mod checked;
mod draft;
pub mod ids;
pub mod secrets;
pub mod sessions;

pub use checked::{Checked, Layout, Unprintable, checked};
pub use draft::{Draft, DraftStatement, Many, Wanted};
