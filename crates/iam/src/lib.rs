//! The IAM policy language: read, compile, evaluate, explain, lint, generate, test.

pub mod error;
pub mod generate;
pub mod input;
pub mod language;
pub mod residual;

pub use error::{Code, LoadError};
pub use input::BadInput;
