//! Commands that look across the organization.

pub(crate) mod access;
pub(crate) mod companion;
pub(crate) mod each;
pub(crate) mod sync;

mod runs;
