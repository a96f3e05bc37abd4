//! Commands of who audits.

pub(crate) mod audit;
