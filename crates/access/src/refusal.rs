use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldProblem {
    pub field: String,
    pub code: String,
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

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A stable code: a decision's kind or `invalid`.
    pub code: String,
    pub message: String,
    pub fields: Vec<FieldProblem>,
}

pub fn all_of(problems: &[FieldProblem]) -> String {
    let all: Vec<&str> = problems.iter().map(|it| it.message.as_str()).collect();
    all.join(" ")
}
