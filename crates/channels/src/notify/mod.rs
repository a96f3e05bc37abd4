//! Delivers news by e-mail and signed webhooks, and query findings to AWS targets.
//!
//! `hallpass-access` decides events and recipients. Nothing here acts: a notice may arrive twice,
//! late or never without changing stored state.

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
