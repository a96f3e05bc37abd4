//! The IAM policy language: read, compile, evaluate, explain, lint, generate, test.
//!
//! Pure: no clock, no network, no files. Policies are compiled once ([`Policy::parse`]) and
//! evaluated many times ([`decide`]); [`explain`] gives reasons. A [`Case`] is a request with its
//! policies as one line of JSON.
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

mod answer;
mod arn;
pub mod attributes;
mod case;
pub mod denial;
pub mod error;
mod evaluation;
pub mod facts;
pub mod generate;
mod glob;
pub mod input;
pub mod language;
pub mod lint;
mod pattern;
pub mod perimeter;
pub mod powers;
pub mod residual;
pub mod samples;
pub mod size;
pub mod suite;
pub mod summary;
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
