//! News by e-mail and by signed webhooks, for people and programs outside Slack.
//!
//! Knows how to say and deliver; what happened, and who is told, comes from `hallpass-access`.
//! Nothing here acts: a notice may be told twice, late or never, and nothing stored changes.
#![warn(missing_docs)]

#[cfg(test)]
mod fuzz;

mod mail;

mod signature;
mod webhook;

pub use mail::{Mail, MailSettings, MailSettingsError};
pub use signature::{REPLAY_WINDOW, SignatureError, sign, verify};
pub use webhook::{Webhook, WebhookSettings, WebhookSettingsError};
