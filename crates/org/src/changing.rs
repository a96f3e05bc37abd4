//! Calls that change something, by name: for chores over services that have no port of their own.

use async_trait::async_trait;
use serde_json::Value;

use crate::ports::OrganizationFault;
use crate::reading::{Operation, ReadCalls, ReadPlace};

/// What a call that changes something answered, or why it did not.
pub type SendAnswer = Result<Value, OrganizationFault>;

/// Calls that read, and calls that change something.
#[async_trait]
pub trait ServiceCalls: ReadCalls {
    /// One call that changes something, sent once: whether it is sent again is decided after a look.
    async fn send(&self, place: &ReadPlace, operation: Operation, input: &Value) -> SendAnswer;
}
