//! The guard: an end does not need the server (promise P11).
//!
//! A separate process knows all ends, reads Identity Center, and removes access overdue by more
//! than a bound. Its ports cannot grant anything.
//!
//! ```text
//!   store, read-only ─┐                                  ┌─► journal, chained as the audit log ─► server
//!   file of ends ─────┼─► GuardMemory ───► EndWatch ─────┤
//!   last good copy ───┘   (what counts)    (per key:     └─► Identity Center: list, delete, status
//!                                           pure steps)
//! ```
//!
//! Independent of requests, rules, people's names, HTTP and SQL; never waits for the server.

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
