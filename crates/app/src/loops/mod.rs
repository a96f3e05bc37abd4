//! What goes on in a server while it runs, a loop each: notices are told, the audit log is exported, clocks and the log
//! are watched, alerts and schedules run, groups follow attributes, the file of ends is written. A loop is given what it
//! works with and ends when the server stops; which of them run where is composed by the binary.

pub mod alerts;
pub mod clocks;
pub mod compared;
pub mod ends;
pub mod exporting;
pub mod group_sync;
mod later_ends;
pub mod log_watch;
pub mod notices;
pub mod pci;
pub mod traced_rows;
