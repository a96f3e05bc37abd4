//! Why something asked for is refused: a code for programs, a sentence for people, and the fields to
//! blame.

use serde::{Deserialize, Serialize};

/// One field that cannot be taken as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldProblem {
    /// The field's name in the API.
    pub field: String,
    /// A stable code.
    pub code: String,
    /// For people.
    pub message: String,
}

impl FieldProblem {
    pub(crate) fn new(field: &str, code: &str, message: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            code: code.to_owned(),
            message: message.into(),
        }
    }
}

/// Why a request was stored as rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A stable code: a decision's kind or `invalid`.
    pub code: String,
    /// For people.
    pub message: String,
    /// One entry per field, when fields are to blame.
    pub fields: Vec<FieldProblem>,
}

/// What several fields are to blame for, one sentence after the other.
pub fn all_of(problems: &[FieldProblem]) -> String {
    let all: Vec<&str> = problems.iter().map(|it| it.message.as_str()).collect();
    all.join(" ")
}
