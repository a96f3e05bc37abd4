//! How people are informed: one module a channel over shared texts.
//!
//! `wording` writes each text once, `slack` is the Slack app, `notify` sends mail, webhooks and alerts to AWS targets.
//! A channel decides nothing: it calls `access`, which checks authority.

pub mod notify;
pub mod slack;
pub mod wording;
