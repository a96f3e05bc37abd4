//! The IAM policy language: read, compile, evaluate, explain, lint, generate, test.

pub mod error;
pub mod facts;
pub mod generate;
pub mod input;
pub mod language;

pub use error::{Code, LoadError};
pub use input::BadInput;
