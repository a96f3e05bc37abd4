//! How soon AWS applies a policy (`access.md` §21, A-5), measured: a service control policy of this module's own denies one
//! role, which exists for that alone, everything from an instant on. The instant moves to now and away again, as those of armed
//! ends do, and after each move the role tries one harmless read until AWS's answers have changed for good.
//!
//! Nothing is stored. Whatever comes of a run, it removes what it made; what a run left that was killed, the next removes.

mod place;
mod removal;
mod run;
mod statement;
mod watch;

pub use place::{ProbeRole, ProbeRoleFault};
pub use run::{Halt, PropagationProbe, PropagationReport, Round};
pub use statement::policy_name;
pub use watch::{ReadOutcome, Settling};

/// Moves to now and away again that are measured, beside the first.
pub const ROUNDS: usize = 3;
