//! The sole owner of account assignments and group memberships (promise P3).
//!
//! Others say until when a person should have a target ([`Desired`]); this crate looks, acts,
//! polls and looks again, and says what it found ([`Verdict`]). It is level-triggered: everything
//! it needs is in the [`Row`], so a lost nudge costs delay and a crash costs nothing.
//!
//! ```text
//!   desired until T ──► plan::next ──► look / begin / poll / ask why ──► learn ──► Verdict
//!        ▲                  ▲                                              │
//!     access             the row, stored before and after every call ◄─────┘
//! ```
//!
//! Knows nothing of requests, rules, approvals or audit records.
#![warn(missing_docs)]

mod executor;
mod learn;
mod plan;
mod ports;
mod row;

pub use executor::{Executor, Limits, TickReport};
pub use learn::Outcome;
pub use plan::{Action, next};
pub use ports::{
    AssignmentStore, Begin, CenterFault, IdentityCenter, Lease, Leased, Missing, Progress, Sent,
    StoreFault, Urgency,
};
pub use row::{
    Absence, Desired, Doubt, Execution, GivingUp, Operation, OperationKind, Ownership, Row, Sight,
    Verdict,
};
