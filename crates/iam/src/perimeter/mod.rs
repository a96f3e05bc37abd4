//! Proves organization boundaries: adds a policy to cases, surveys accounts.
//!
//! Both use the engine, not policy text.

mod attach;
mod coverage;
mod probes;
mod tree;

pub use attach::{AttachedPolicy, GuardrailSlot};
pub use coverage::{AccountCoverage, CoveringPolicy, SideCoverage, coverage};
pub use tree::{Guardrails, GuardrailsError, Tree, TreeAccount};
