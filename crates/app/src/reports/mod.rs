pub mod alerts;
pub mod companion_rows;
pub mod instance_regions;
pub mod live_center;
pub mod pci;
pub mod policies;
pub mod seen;
pub mod used_calls;
