//! News by e-mail and by signed webhooks, for people and programs outside Slack; what queries found also at AWS.
//!
//! Knows how to say and deliver; what happened, and who is told, comes from `hallpass-access`.
//! Nothing here acts: a notice may be told twice, late or never, and nothing stored changes.

#[cfg(test)]
mod fuzz;

mod mail;

mod signature;
mod webhook;

mod targets;

pub use mail::{Mail, MailSettings, MailSettingsError, PostError};
pub use signature::{REPLAY_WINDOW, SignatureError, sign, verify};
pub use targets::{
    AlertTarget, AlertsOnly, QueueTarget, SecurityHubTarget, TargetCalls, TargetFault,
    TargetOperation, TargetSettingsError, TopicTarget,
};
pub use webhook::{CodeCallFailed, Webhook, WebhookSettings, WebhookSettingsError};
