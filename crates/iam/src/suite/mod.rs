//! Tests of policies as code: tables of request → decision kept beside the policies.
//!
//! A suite is a TOML file. Its policies are named once, what all rows share is said once, and
//! each row says what it asks and what it expects; lists of actions and resources multiply.

mod coverage;
mod difference;
mod format;
mod run;

pub use coverage::{Coverage, StatementCoverage};
pub use difference::{DecisionChange, Replacement};
pub use format::{Expected, PolicyFiles, Suite, SuiteRow};
pub use run::{RowOutcome, run};
