//! Commands that look across the organization.

pub mod activity;
pub mod alerts;
pub mod each;
pub mod pci;
pub mod public_ips;
pub mod query;
pub mod runs;
pub mod sync;
pub mod who;
