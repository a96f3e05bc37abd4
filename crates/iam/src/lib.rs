//! The IAM policy language: read, compile, evaluate, explain, lint, generate, test.
//!
//! Pure: no clock, no network, no files. Policies are compiled once ([`Policy::parse`]) and
//! evaluated many times ([`decide`]); [`explain`] gives reasons. A [`Case`] is a request with its
//! policies as one line of JSON.
//!
//! Module groups, lowest first; a group uses only those above it (`tests/it/rooms.rs`).
//!
//! ```text
//! text        arn  glob  pattern  error  input
//!             names and wildcards in policies; what is wrong with a given text
//! facts       facts
//!             AWS's actions, resource types and condition keys
//! language    language
//!             a policy as text: JSON with positions, elements, operators
//! evaluation  evaluation  answer  case
//!             decides a request and explains the decision; one request as a line of JSON
//! use of it   samples  size  suite  residual
//!             requests drawn from a policy, sizes, tests of policies, access left
//! review      lint  summary
//!             findings in one policy; one policy in words
//! proofs      powers  denial
//!             what a role can do; what a denied call lacks
//! generators  generate;  above it attributes  perimeter  vpn
//!             policies from typed options
//! ```
//!
//! ```
//! use std::sync::Arc;
//! use crate::{Context, Decision, Kind, Layers, Policy, Request, decide};
//!
//! let policy = r#"{"Version": "2012-10-17", "Statement":
//!     {"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::logs/*"}}"#;
//! let layers = Layers {
//!     identity: vec![Arc::new(Policy::parse(policy, Kind::Identity)?)],
//!     ..Layers::default()
//! };
//! let request = Request::new(
//!     "arn:aws:iam::111122223333:user/mara",
//!     "s3:GetObject",
//!     "arn:aws:s3:::logs/today",
//!     Context::new(),
//! )?;
//! assert_eq!(decide(&layers, &request), Decision::Allowed);
//! # Ok::<(), crate::LoadError>(())
//! ```

mod arn;
pub mod error;
mod glob;
pub mod input;
mod pattern;

pub mod facts;

pub mod language;

mod answer;
mod case;
mod evaluation;

pub mod residual;
pub mod samples;
pub mod size;
pub mod suite;

pub mod lint;
pub mod summary;

pub mod denial;
pub mod powers;

pub mod attributes;
pub mod generate;
pub mod perimeter;
pub mod vpn;

pub use answer::CaseAnswer;
pub use case::{Case, CaseOptions, complete, simulate_changed, simulate_line};
pub use error::{LoadError, LoadErrorCode};
pub use evaluation::{
    Caller, CallerKind, CallerMatch, ConditionTrace, Context, ContextValue, Decider, Decision,
    Explanation, GrantedBy, Grid, GridCaller, GridResource, GridRows, Layer, Layers, Policy,
    Reason, Request, StatementTrace, decide, explain,
};
pub use input::BadInput;
pub use language::{PolicyType, ScpLanguage};
