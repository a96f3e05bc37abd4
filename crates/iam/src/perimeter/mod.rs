//! Boundaries around an organization, proved: a policy put into cases, and a survey of accounts.
//!
//! Both ask the engine; neither looks at how a policy is written.

mod attach;
mod coverage;
mod probes;
mod tree;

pub use attach::{Attached, Place};
pub use coverage::{AccountCoverage, By, SideCoverage, coverage};
pub use tree::{Account, Guardrails, GuardrailsError, Tree};
