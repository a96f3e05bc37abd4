//! Boundaries around an organization, proved: a policy put into cases, and a survey of accounts.
//!
//! Both ask the engine; neither looks at how a policy is written.

mod attach;
mod coverage;
mod probes;
mod tree;

pub use attach::{AttachedPolicy, GuardrailSlot};
pub use coverage::{AccountCoverage, CoveringPolicy, SideCoverage, coverage};
pub use tree::{Guardrails, GuardrailsError, Tree, TreeAccount};
