//! Commands of who approves.

pub(crate) mod approve;
pub(crate) mod close_review;
pub(crate) mod deny;
