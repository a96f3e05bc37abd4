//! Named mutating calls, for chores over services without a port.

use async_trait::async_trait;
use hallpass_enforcement::OrganizationFault;
use serde_json::Value;

use crate::reading::{Operation, ReadCalls, ReadPlace};

pub type SendAnswer = Result<Value, OrganizationFault>;

#[async_trait]
pub trait ServiceCalls: ReadCalls {
    /// Sends one mutating call without retry: a retry is decided after a look.
    async fn send(&self, place: &ReadPlace, operation: Operation, input: &Value) -> SendAnswer;
}
