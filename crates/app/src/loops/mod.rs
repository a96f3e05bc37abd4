//! Background loops of a server: notices, audit export, clock and log monitoring, alerts,
//! schedules, group attributes, file of ends. A loop gets its dependencies and ends at server stop;
//! the binary decides which ones run.

pub mod alerts;
pub mod clocks;
pub mod comparisons;
pub mod ends;
pub mod exporting;
pub mod group_sync;
mod later_ends;
pub mod log_watch;
pub mod notices;
pub mod pci;
pub mod traced_rows;
