//! News by e-mail and by signed webhooks, for people and programs outside Slack.
//!
//! Knows how to say and deliver; what happened, and who is told, comes from `hallpass-access`.
