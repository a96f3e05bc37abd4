pub mod alerts;
pub mod companion_rows;
pub mod instance_regions;
pub mod live_center;
pub mod observed;
pub mod pci;
pub mod policies;
pub mod used_calls;
