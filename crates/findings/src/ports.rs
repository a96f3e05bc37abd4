use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// Retry later: throttled, timed out, or a server error.
    Passing,
    Denied,
    Final,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {code}: {message}")]
pub struct CallRefusal {
    pub kind: RefusalKind,
    pub operation: String,
    pub code: String,
    pub message: String,
}

impl CallRefusal {
    /// Whether the input was refused, so that another may work.
    pub(crate) fn is_about_input(&self) -> bool {
        let codes = [
            "InvalidInputException",
            "InvalidInput",
            "ValidationException",
        ];
        self.kind == RefusalKind::Final && codes.contains(&self.code.as_str())
    }
}

#[async_trait]
pub trait FindingCalls: Send + Sync {
    /// Makes a call in a Region, by default the home Region. Implementations respect rate limits
    /// and retry immediately if useful. All calls are repeatable; a crash during
    /// `BatchUpdateFindings` leaves each finding updated or not.
    async fn call(
        &self,
        region: Option<&str>,
        service: &'static str,
        operation: &'static str,
        input: &Value,
    ) -> Result<Value, CallRefusal>;

    async fn pause(&self, long: Duration);
}
