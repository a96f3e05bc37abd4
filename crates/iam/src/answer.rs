//! The result of a case as a JSON line (`policies.md` §3).

use serde::Serialize;

use crate::error::LoadError;
use crate::evaluation::{Decider, Decision, Explanation, GrantedBy, StatementTrace};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseAnswer {
    Decided {
        id: String,
        decision: Decision,
        explanation: Option<Box<Explanation>>,
        blocking_resource: Option<String>,
        expected: Option<String>,
    },
    Failed {
        /// Case id, if readable.
        id: Option<String>,
        line: Option<usize>,
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

/// An explanation without the decision, which the line has.
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
    /// `None` if evaluation failed.
    pub fn decision(&self) -> Option<Decision> {
        match self {
            Self::Decided { decision, .. } => Some(*decision),
            Self::Failed { .. } => None,
        }
    }

    /// One JSON line without newline.
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
        line.unwrap_or_default()
    }
}
