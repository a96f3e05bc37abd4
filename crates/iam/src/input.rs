//! Errors in flags and files of calculators and generators.

use crate::error::LoadError;

/// Nothing was computed. Exit 2 (`policies.md` §1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadInput {
    /// Stable code: `E_TIME`, `E_GRAPH`, ….
    pub code: &'static str,
    /// Problem and correction: lower case, no final stop.
    pub message: String,
    /// A flag, or a JSON pointer into the file; empty for the whole.
    pub pointer: String,
}

impl BadInput {
    pub fn new(code: &'static str, message: impl Into<String>, pointer: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            pointer: pointer.into(),
        }
    }
}

impl BadInput {
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
