//! Targets of alerts at AWS: topics of SNS, queues of SQS, findings of Security Hub (`inventory.md` R-6). They tell what
//! queries found and nothing else. `docs/reference/notifications.md` says what each gets.

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

/// The longest name of a target, as of webhooks.
const NAME_MAX: usize = 40;

/// A call that was not answered well.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {code}: {message}")]
pub struct TargetFault {
    /// Which call.
    pub operation: String,
    /// The name of the error.
    pub code: String,
    /// What the service says of it.
    pub message: String,
    /// Whether the same call will get the same answer each time, unless somebody changes something.
    pub is_final: bool,
}

impl TargetFault {
    /// What becomes of the message. Rights that are missing and a target that is not there are mended by people; a
    /// message that is refused for what it says will be refused again.
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

/// A service, and what is called there.
pub type TargetOperation = (&'static str, &'static str);

/// Calls of SNS, SQS, Security Hub and STS, with the server's own credentials.
#[async_trait]
pub trait TargetCalls: Send + Sync {
    /// One call in a Region; without one, where we are at home. Whoever implements this keeps to limits and repeats
    /// what is worth it at once. A stop in the middle leaves it done or not; it is made again with the same input.
    async fn call(
        &self,
        region: Option<&str>,
        operation: TargetOperation,
        input: &Value,
    ) -> Result<Value, TargetFault>;
}

/// A target that cannot work as it is configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` of {target} {message}")]
pub struct TargetSettingsError {
    /// Which target: `sns:NAME`.
    pub target: String,
    /// Which key.
    pub key: &'static str,
    /// What is wrong with its value.
    pub message: &'static str,
}

/// What tells alerts and nothing else.
#[async_trait]
pub trait AlertTarget: Send + Sync {
    /// As [`Channel::name`].
    fn name(&self) -> &str;
    /// As [`Channel::deliver_alert`].
    async fn tell(&self, told: &AlertContext) -> Delivery;
}

/// A target as one of the channels: notices of access, digests and alarms are not for it.
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

/// `sns:NAME`, where the name is one.
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
