//! Policy generators: each returns a [`Draft`] from typed options.

pub(crate) mod address;
mod checked;
pub mod delegation;
mod draft;
pub mod ids;
pub mod outage;
pub mod perimeter;
pub mod secrets;
pub mod sessions;
pub mod vpn_policy;

pub use checked::{CheckedDraft, Generated, Unprintable, checked};
pub use draft::{Draft, DraftStatement, ElementSelection, Layout, Many};
