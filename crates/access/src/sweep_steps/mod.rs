//! Executes decisions on unmanaged access: confirm, remove, adopt (`access.md` §10). Pure; writes
//! only desired rows, never Identity Center.

mod acting;
mod adopting;
mod confirming;

pub use confirming::RemovalLimit;

pub(crate) use acting::{begin_removal, call_off, leave_alone, not_any_more, not_wanted, settle};
pub(crate) use adopting::{Adopting, adopt};
pub(crate) use confirming::{Fresh, PlanDrift, confirm, drift};
