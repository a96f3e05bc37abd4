//! AWS targets of alerts: SNS topics, SQS queues, Security Hub findings (`inventory.md` R-6). They
//! send only query results. `docs/reference/notifications.md` documents the payloads.

mod payload;
mod queue;
mod security_hub;
mod topic;

use std::fmt;

use async_trait::async_trait;
use hallpass_access::{
    AlarmContext, AlertContext, Channel, Delivery, DigestContext, NoticeContext,
};
use hallpass_base::{TimeSpan, text::line};
use serde_json::Value;

pub use queue::QueueTarget;
pub use security_hub::SecurityHubTarget;
pub use topic::TopicTarget;

const NAME_MAX: usize = 40;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {code}: {message}")]
pub struct TargetFault {
    pub operation: String,
    pub code: String,
    pub message: String,
    /// A retry fails the same way until someone changes something.
    pub is_final: bool,
}

impl TargetFault {
    /// Maps a fault to a delivery result. Missing rights or targets can be fixed by people, so they
    /// are retried; a refused message is not.
    fn delivery(&self) -> Delivery {
        let why = line(&self.to_string(), 300);
        let about_message = ["Invalid", "Validation", "ParameterValue"];
        if self.is_final && about_message.iter().any(|it| self.code.starts_with(it)) {
            Delivery::GaveUp { why }
        } else {
            Delivery::Again {
                after: TimeSpan::ZERO,
                why,
            }
        }
    }
}

pub type TargetOperation = (&'static str, &'static str);

/// Calls SNS, SQS, Security Hub and STS with the server's own credentials.
#[async_trait]
pub trait TargetCalls: Send + Sync {
    /// Makes one call in a Region, by default the server's own. Implementations respect quotas and
    /// retry. A stop may leave the call done or not; it is repeated with the same input.
    async fn call(
        &self,
        region: Option<&str>,
        operation: TargetOperation,
        input: &Value,
    ) -> Result<Value, TargetFault>;
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` of {target} {message}")]
pub struct TargetSettingsError {
    /// `sns:NAME`.
    pub target: String,
    pub key: &'static str,
    pub message: &'static str,
}

#[async_trait]
pub trait AlertTarget: Send + Sync {
    fn name(&self) -> &str;
    async fn tell(&self, told: &AlertContext) -> Delivery;
}

/// Adapts a target to a channel; ignores access notices, digests and alarms.
pub struct AlertsOnly<T>(pub T);

impl<T: AlertTarget> fmt::Debug for AlertsOnly<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AlertsOnly").field(&self.0.name()).finish()
    }
}

#[async_trait]
impl<T: AlertTarget> Channel for AlertsOnly<T> {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn deliver(&self, _: &NoticeContext) -> Delivery {
        Delivery::Done
    }

    async fn deliver_digest(&self, _: &DigestContext) -> Delivery {
        Delivery::Done
    }

    async fn deliver_alarm(&self, _: &AlarmContext) -> Delivery {
        Delivery::Done
    }

    async fn deliver_alert(&self, told: &AlertContext) -> Delivery {
        self.0.tell(told).await
    }
}

fn named(kind: &'static str, name: &str) -> Result<String, TargetSettingsError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(plain) {
        return Err(TargetSettingsError {
            target: format!("{kind}:{}", line(name, NAME_MAX)),
            key: "name",
            message: "is 1 to 40 letters, digits, `-` and `_`",
        });
    }
    Ok(format!("{kind}:{name}"))
}

#[cfg(test)]
mod tests;
