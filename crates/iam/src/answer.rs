//! The answer to a case, as a line of JSON (`policies.md` §3).

use serde::Serialize;

use crate::error::LoadError;
use crate::evaluation::{Decider, Decision, Explanation, GrantedBy, StatementTrace};

/// The answer to one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseAnswer {
    /// It was decided.
    Decided {
        /// The case's id.
        id: String,
        /// The decision.
        decision: Decision,
        /// The explanation, where asked for.
        explanation: Option<Box<Explanation>>,
        /// The first resource that blocks, among several.
        blocking_resource: Option<String>,
        /// The decision the writer expects.
        expected: Option<String>,
    },
    /// It could not be evaluated.
    Failed {
        /// The case's id, where it could be read.
        id: Option<String>,
        /// The line's number, told when the line is not JSON.
        line: Option<usize>,
        /// What was wrong.
        error: LoadError,
    },
}

#[derive(Serialize)]
struct DecidedLine<'a> {
    id: &'a str,
    decision: Decision,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a str>,
    #[serde(flatten)]
    explanation: Option<Rest<'a>>,
}

/// An explanation without its decision, which the line has already.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rest<'a> {
    decided_by: &'a Option<Decider>,
    core: GrantedBy,
    blocked_by: &'a [String],
    statements: &'a [StatementTrace],
}

#[derive(Serialize)]
struct FailedLine<'a> {
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    error: &'a LoadError,
}

impl CaseAnswer {
    /// The decision; `None` when the case could not be evaluated.
    pub fn decision(&self) -> Option<Decision> {
        match self {
            Self::Decided { decision, .. } => Some(*decision),
            Self::Failed { .. } => None,
        }
    }

    /// The answer as one line of JSON, without the line's end.
    pub fn json(&self) -> String {
        let line = match self {
            Self::Decided {
                id,
                decision,
                explanation,
                blocking_resource,
                ..
            } => serde_json::to_string(&DecidedLine {
                id,
                decision: *decision,
                resource: blocking_resource.as_deref(),
                explanation: explanation.as_ref().map(|it| Rest {
                    decided_by: &it.decided_by,
                    core: it.core,
                    blocked_by: &it.blocked_by,
                    statements: &it.statements,
                }),
            }),
            Self::Failed { id, line, error } => serde_json::to_string(&FailedLine {
                id: id.as_deref(),
                line: *line,
                error,
            }),
        };
        // texts, numbers and lists of them: writing them as JSON cannot fail
        line.unwrap_or_default()
    }
}
