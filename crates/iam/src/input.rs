//! What is wrong with the flags and files of a calculator or generator.

use crate::error::LoadError;

/// Input that cannot be used; nothing was computed. Becomes exit 2 (`policies.md` §1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadInput {
    /// The code that scripts rely on: `E_TIME`, `E_GRAPH`, ….
    pub code: &'static str,
    /// What is wrong and what to write instead: lower case, no final stop.
    pub message: String,
    /// Where: a flag, or a JSON pointer into the file; empty for the whole.
    pub pointer: String,
}

impl BadInput {
    /// Input that cannot be used, and where.
    pub fn new(code: &'static str, message: impl Into<String>, pointer: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            pointer: pointer.into(),
        }
    }
}

impl BadInput {
    /// The same, about this place.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = pointer.into();
        self
    }
}

impl From<LoadError> for BadInput {
    fn from(error: LoadError) -> Self {
        Self::new(error.code.as_str(), error.message, error.pointer)
    }
}
