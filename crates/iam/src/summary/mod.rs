//! A policy in words: what it allows and denies, how many actions of each kind that is, and which
//! of them are risky. For people who decide about access and do not read policies.
//!
//! Words are an aid and say so where they leave something out: every list is bounded, and
//! [`Summary::is_whole`] tells whether all of the policy was put in words. What a policy decides is
//! the business of [`decide`](crate::decide).
//!
//! Pieces of the policy stand between backticks.

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

/// Statements put in words; those behind are counted.
const STATEMENTS_MAX: usize = 100;
/// Action patterns looked up in the table of facts, over all statements.
const PATTERNS_MAX: usize = 600;
/// Lines of a summary; those behind are counted.
const LINES_MAX: usize = 60;
/// Names that are no known action, listed.
const UNKNOWN_MAX: usize = 12;

/// Access levels, the harmless first.
const LEVEL_ORDER: [Access; 5] = [
    Access::List,
    Access::Read,
    Access::Tagging,
    Access::Write,
    Access::Permissions,
];

/// A policy in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// What it allows and denies, in the order written.
    pub lines: Vec<SummaryLine>,
    /// Lines that were left out.
    pub more_lines: usize,
    /// How many known actions it allows, by access level; levels without any are left out.
    pub counts: Vec<Count>,
    /// Actions written in the policy that are not known: misspelled, or newer than the facts.
    pub unknown: Vec<String>,
    /// What makes it risky, the worst first.
    pub risks: Vec<Risk>,
    /// Whether every statement was read and put in words.
    pub is_whole: bool,
}

/// One thing that a policy allows or denies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SummaryLine {
    /// Whether it denies.
    pub denies: bool,
    /// Such as "Reads and writes objects in S3 buckets named team-*", that name between backticks;
    /// no final stop.
    pub words: String,
    /// The actions by name, where they are few.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
}

/// Known actions of one access level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The level.
    pub access: Access,
    /// How many actions.
    pub actions: usize,
}

/// Puts a policy in words.
///
/// # Errors
/// When it is no JSON, or too large or deep; what is wrong inside is left out and told by
/// [`lint`](crate::lint::lint), and the summary is not [whole](Summary::is_whole) then.
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
