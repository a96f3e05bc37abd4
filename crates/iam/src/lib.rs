//! The IAM policy language: read, compile, evaluate, explain, lint, generate, test.

pub mod error;
pub mod facts;
pub mod generate;
pub mod language;

pub use error::{Code, LoadError};
