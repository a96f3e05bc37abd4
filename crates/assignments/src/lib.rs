//! The only writer of account assignments and group memberships (promise P3).
//!
//! Callers set until when a person should have a target ([`Desired`]); this crate reads, acts,
//! polls, verifies and reports a [`Verdict`]. It is level-triggered: all state is in the
//! [`AssignmentRow`], so a lost notification costs delay and a crash costs nothing.
//!
//! ```text
//!   desired until T ──► queue::choose ──► plan::next ──► look / begin / poll / ask why ──► learn ──► Verdict
//!        ▲                                    ▲                                              │
//!     access                    the row, stored before every write, after every step ◄───────┘
//! ```
//!
//! Knows nothing of requests, rules, approvals or audit records.

mod availability;
mod executor;
mod future_times;
mod late_creates;
mod listings;
mod outage_tracker;
mod outcome;
mod pace;
mod plan;
mod ports;
pub mod queue;
mod row;
mod scheduler_state;
mod urgency;

pub use executor::{Executor, ExecutorLimits, TickReport, Worked};
pub use future_times::is_lease_from_future;
pub use outage_tracker::OutageWatch;
pub use outcome::StepOutcome;
pub use pace::{Bounds, Effort, Pace};
pub use plan::{RowAction, next};
pub use ports::{
    AssignmentStore, CenterFault, IdentityCenter, Lease, Missing, NotedOver, OperationStatus, Over,
    SentOperation, StoreFault, Taken,
};
pub use queue::Task;
pub use row::{
    Absence, AbsenceConfidence, AssignmentRow, Desired, EndPriority, Execution, Gate, GivingUp,
    GuardRemoval, Observation, Operation, OperationKind, OwnedEnd, Ownership, Proof, RemovalStage,
    UnansweredCreate, Verdict,
};
pub use urgency::Urgency;
