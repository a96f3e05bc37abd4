//! Why a generator makes nothing: the code that scripts rely on, and the words for people.

use serde::Serialize;

use crate::error::LoadError;

/// A wish that cannot be fulfilled as it stands; nothing was made (`policies.md` §1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// The stable code, such as `E_ARG`.
    pub code: &'static str,
    /// What is wrong and what to write instead.
    pub message: String,
    /// JSON pointer into a file that was read; empty when it is about the wish.
    pub pointer: String,
}

impl Refused {
    /// A refusal of a wish.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            pointer: String::new(),
        }
    }

    /// The same, about this place of a file.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = pointer.into();
        self
    }
}

impl From<LoadError> for Refused {
    fn from(error: LoadError) -> Self {
        Self::new(error.code.as_str(), error.message).at(error.pointer)
    }
}
