//! The policy language as text: JSON with positions, elements, operators, ARNs.

pub mod document;
pub mod json;
pub mod operator;
mod problem;
mod read;
mod rules;
mod same;

pub use crate::arn::{Arn, split_arn};
pub use document::{
    Condition, Document, Effect, List, PolicyType, PrincipalEntry, PrincipalKind, Principals,
    ScpLanguage, Statement, Text, Version,
};
pub use operator::{Operator, Quantifier, Test};
pub use problem::{Problem, What};
pub use read::PolicyJson;
pub(crate) use read::{STATEMENT_ELEMENTS, embedded, scalar_text};
pub use same::{canonical_statement, same_policy};

/// `*`, also as `*:*`.
pub(crate) fn is_any_action(text: &str) -> bool {
    let mut parts = text.splitn(2, ':');
    parts.all(|part| !part.is_empty() && part.bytes().all(|byte| byte == b'*'))
}

/// Bytes (`policies.md` §2.1).
pub const POLICY_BYTES_MAX: usize = 1024 * 1024;
/// Nesting of lists and objects (`policies.md` §2.1).
pub const POLICY_DEPTH_MAX: usize = 64;
