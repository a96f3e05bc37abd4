//! Who may ask, who must review: reads rules, checks them, decides, explains.
//!
//! Knows nothing of networks, storage, clocks or Slack. Everything it decides by is an argument:
//! the rules, a [`Directory`] of the organization, and `now`.
#![warn(missing_docs)]

mod address;
pub mod cases;
mod diagnostic;
pub mod directory;
mod engine;
mod glob;
mod hours;
mod read;
mod rule;
mod selftest;
mod syntax;

pub use diagnostic::{Code, Diagnostic, Position, Severity};
pub use directory::Directory;
pub use engine::{
    Ask, ClickRefused, Considered, Decision, Effect, Explanation, Kind, Nearest, OverLimit, Permit,
    Principal, Question, Requestable, Requirement, RuleSummary, Rules, SetBits, SignInRequirement,
    Stage, Step,
};
pub use glob::Glob;
pub use read::{Loaded, Source, load};
pub use rule::{GroupRef, RuleId, TextPattern};
pub use selftest::{Outcome, TestResult};
pub use syntax::{SOURCE_BYTES_MAX, Syntax};
