//! Commands that look across the organization.

pub(crate) mod companion;
pub(crate) mod each;
