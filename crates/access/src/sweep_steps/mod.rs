//! What is done about access that nobody recorded: a plan is confirmed, what it says is removed, or
//! given an end (`access.md` §10). Pure; none writes to Identity Center: each says what is desired of a
//! row, as a grant does.

mod acting;
mod adopting;
mod confirming;

pub use confirming::RemovalLimit;

pub(crate) use acting::{begin_removal, call_off, leave_alone, not_any_more, not_wanted, settle};
pub(crate) use adopting::{Adopting, adopt};
pub(crate) use confirming::{Fresh, confirm};
