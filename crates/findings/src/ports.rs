//! What enriching needs from outside.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

/// Whether a refused call is worth another try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// Worth another try later: throttled, timed out, or an error of the server.
    Passing,
    /// We have no right to make it.
    Denied,
    /// The same answer each time.
    Final,
}

/// A call that was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {code}: {message}")]
pub struct CallRefusal {
    /// Whether it is worth another try.
    pub kind: RefusalKind,
    /// Which call.
    pub operation: String,
    /// The name of the error.
    pub code: String,
    /// What the service says of it.
    pub message: String,
}

impl CallRefusal {
    /// Whether it is the input that is refused, so that another one may be taken.
    pub(crate) fn is_about_input(&self) -> bool {
        let codes = [
            "InvalidInputException",
            "InvalidInput",
            "ValidationException",
        ];
        self.kind == RefusalKind::Final && codes.contains(&self.code.as_str())
    }
}

/// Calls of Security Hub, Organizations, Account Management and STS.
#[async_trait]
pub trait FindingCalls: Send + Sync {
    /// One call, in a Region or, without one, where we are at home. Whoever implements this keeps to limits and
    /// repeats what is worth it at once. Every call of these may be repeated; a stop during `BatchUpdateFindings`
    /// leaves findings updated or not.
    async fn call(
        &self,
        region: Option<&str>,
        service: &'static str,
        operation: &'static str,
        input: &Value,
    ) -> Result<Value, CallRefusal>;

    /// Waits.
    async fn pause(&self, long: Duration);
}
