//! Tests of policies as code: tables of request → decision next to the policies.
//!
//! A suite is a TOML file with the policies, shared defaults, and rows of requests and expected
//! decisions. Lists of actions and resources multiply.

mod coverage;
mod difference;
mod format;
mod run;

pub use coverage::{Coverage, StatementCoverage};
pub use difference::{DecisionChange, Replacement};
pub use format::{Expected, PolicyFiles, Suite, SuiteRow};
pub use run::{RowOutcome, run};
