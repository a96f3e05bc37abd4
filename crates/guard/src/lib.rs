//! The guard: an end does not need the server (promise P11).
//!
//! A process of its own knows what is ours and must be gone by when, looks into Identity Center,
//! and removes what is past its end by more than a bound when the server did not. It can look and
//! remove; its ports have no way to give anything.
//!
//! ```text
//!   store, read-only ─┐                                  ┌─► journal, chained as the audit log ─► server
//!   file of ends ─────┼─► GuardMemory ───► EndWatch ─────┤
//!   last good copy ───┘   (what counts)    (per key:     └─► Identity Center: list, delete, status
//!                                           pure steps)
//! ```
//!
//! Knows ends, listings and AWS's time. Knows nothing of requests, rules, people's names, HTTP or
//! SQL, and never waits for the server.
#![warn(missing_docs)]

mod ends;
mod memory;
mod watch;

mod driver;
mod journal;
mod ports;
mod status;

pub use driver::{Guard, GuardLimits, Work};
pub use ends::{EndsCopy, EndsFault, EndsSource, FORM, Mark, Newest, Trust, read, render};
pub use journal::{Torn, removal_of, whole_lines};
pub use memory::{GuardMemory, Kept, NotTaken};
pub use ports::{AwsTime, Center, Ends, Journal, JournalFault, KeptStore, Ports};
pub use status::{Blindness, Parked, Status};
pub use watch::{EndWatch, Over};
