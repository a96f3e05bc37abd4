//! Delegating Identity Center (`policies.md` §13): who may assign which permission sets in which
//! accounts, and nothing that leads further.
//!
//! [`generate`] makes the policy of a delegate, [`guard`] the service control policy beside it, and
//! [`check`] tells what a policy found somewhere really allows.

mod actions;
mod check;
mod samples;
mod wish;

pub use check::{Escalation, Ineffective, Question, Report, Row, check};
pub use wish::{Guard, Made, Model, Tag, Wish, generate, guard};
