//! Commands that look across the organization.

pub(crate) mod each;
