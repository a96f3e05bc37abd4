//! Commands of who audits.

pub(crate) mod audit;
pub(crate) mod pci;
