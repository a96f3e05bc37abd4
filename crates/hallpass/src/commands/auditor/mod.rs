//! Commands of who audits.

pub(crate) mod activity;
pub(crate) mod audit;
pub(crate) mod live_center;
pub(crate) mod pci;
