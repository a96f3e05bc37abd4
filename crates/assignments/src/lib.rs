//! The sole owner of account assignments and group memberships (promise P3).
//!
//! Others say until when a person should have a target ([`Desired`]); this crate looks, acts,
//! polls and looks again, and says what it found ([`Verdict`]). It is level-triggered: everything
//! it needs is in the [`Row`], so a lost nudge costs delay and a crash costs nothing.
//!
//! ```text
//!   desired until T ──► line::choose ──► plan::next ──► look / begin / poll / ask why ──► learn ──► Verdict
//!        ▲                                   ▲                                              │
//!     access                    the row, stored before every write, after every step ◄──────┘
//! ```
//!
//! Knows nothing of requests, rules, approvals or audit records.
#![warn(missing_docs)]

mod executor;
mod future;
mod learn;
pub mod line;
mod listings;
mod outage;
mod pace;
mod plan;
mod ports;
mod row;
mod watch;

pub use executor::{Executor, Limits, TickReport, Worked};
pub use future::is_lease_from_future;
pub use learn::Outcome;
pub use pace::{Bounds, Pace};
pub use plan::{Action, next};
pub use ports::{
    AssignmentStore, CenterFault, IdentityCenter, Lease, Missing, Over, Progress, Sent, StoreFault,
    Taken, Task, Urgency,
};
pub use row::{
    Absence, Desired, Doubt, Execution, GivingUp, GuardRemoval, Haste, Operation, OperationKind,
    OwnedEnd, Ownership, Proof, RemovalStage, Row, Sight, Verdict,
};
