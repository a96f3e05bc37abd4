//! Summarizes a policy as text: allowed and denied actions, counts by access level, and risks. For
//! approvers who do not read policies.
//!
//! Every list is bounded, and [`Summary::is_whole`] reports whether all of the policy is covered.
//! Decisions come only from [`decide`](crate::decide). Verbatim parts of the policy are in
//! backticks.

mod allowed;
mod conditions;
mod effective;
mod known;
mod resources;
mod risks;
mod services;
mod statement;
mod text;

use serde::Serialize;

pub use allowed::allowed_actions;
pub use known::{KnownPolicy, known};
pub use risks::{Risk, RiskKind};

use crate::error::LoadError;
use crate::facts::Access;
use crate::language::{Effect, PolicyJson, PolicyType, ScpLanguage};
use effective::Effective;

const STATEMENTS_MAX: usize = 100;
const PATTERNS_MAX: usize = 600;
const LINES_MAX: usize = 60;
const UNKNOWN_MAX: usize = 12;

/// Access levels, the least risky first.
const LEVEL_ORDER: [Access; 5] = [
    Access::List,
    Access::Read,
    Access::Tagging,
    Access::Write,
    Access::Permissions,
];

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    pub lines: Vec<SummaryLine>,
    pub more_lines: usize,
    pub counts: Vec<Count>,
    /// Unknown actions: misspelled, or newer than the facts.
    pub unknown: Vec<String>,
    pub risks: Vec<Risk>,
    pub is_whole: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SummaryLine {
    pub denies: bool,
    /// Such as "Reads and writes objects in S3 buckets named team-*", that name between backticks;
    /// no final stop.
    pub words: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Count {
    pub access: Access,
    pub actions: usize,
}

/// Summarizes a policy.
///
/// # Errors
/// It is not JSON, or too large or deep. Other defects are skipped and reported by
/// [`lint`](crate::lint::lint); then the summary is not [whole](Summary::is_whole).
pub fn summarize(text: &str, kind: PolicyType) -> Result<Summary, LoadError> {
    let source = PolicyJson::new(text)?;
    let (document, problems) = source.document(kind, ScpLanguage::Full);
    let mut budget = PATTERNS_MAX;
    let mut effective = Effective::default();
    let mut summary = Summary {
        lines: Vec::new(),
        more_lines: 0,
        counts: Vec::new(),
        unknown: Vec::new(),
        risks: Vec::new(),
        is_whole: problems.is_empty() && document.statements.len() <= STATEMENTS_MAX,
    };
    for statement in document.statements.iter().take(STATEMENTS_MAX) {
        if statement.actions.items.len() > budget {
            summary.is_whole = false;
            break;
        }
        budget -= statement.actions.items.len();
        let read = statement::read(statement);
        effective.take(statement, &read);
        for name in read.unknown {
            if summary.unknown.len() < UNKNOWN_MAX && !summary.unknown.contains(&name) {
                summary.unknown.push(name);
            }
        }
        let left = LINES_MAX - summary.lines.len();
        summary.more_lines += read.lines.len().saturating_sub(left);
        let denies = statement.effect == Effect::Deny;
        let lines = read.lines.into_iter().take(left);
        summary
            .lines
            .extend(lines.map(|(words, actions)| SummaryLine {
                denies,
                words,
                actions,
            }));
    }
    summary.counts = effective.counts();
    if kind == PolicyType::Identity {
        summary.risks = risks::of(&effective);
    }
    Ok(summary)
}
