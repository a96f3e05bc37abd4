//! What is read about the organization and told: alerts over snapshots, passwords and activity for PCI, what people used.

pub mod alerts;
pub mod companion_rows;
pub mod instance_regions;
pub mod live_center;
pub mod pci;
pub mod policies;
pub mod seen;
pub mod used_calls;
