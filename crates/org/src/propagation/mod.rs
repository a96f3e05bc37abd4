//! Measures how fast AWS applies a policy (`access.md` §21, A-5). A separate service control policy
//! denies a dedicated role everything from an instant on. The instant is moved to now and away
//! again, like an enforced expiry; after each move the role repeats a harmless read until the
//! answers have changed permanently.
//!
//! Nothing is stored. A run always removes its policy; the next run removes the policy of a killed
//! one.

mod place;
mod removal;
mod run;
mod statement;
mod watch;

pub use place::{ProbeRole, ProbeRoleFault};
pub use run::{Halt, PropagationProbe, PropagationReport, Round};
pub use statement::policy_name;
pub use watch::{ReadOutcome, Settling};

pub const ROUNDS: usize = 3;
