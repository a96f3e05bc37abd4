//! Sentences shown by more than one channel. Journeys and notices carry facts; this crate words
//! them, and channels format names and times.
//!
//! Knows the journey's types. Never knows delivery, rendering or storage.

pub mod alarm;
pub mod alert;
pub mod health;
pub mod notice;
pub mod plan;
pub mod remediation;
pub mod sweeps;
pub mod vending;

pub mod activity;
pub mod asking;
pub mod dialogs;
pub mod grants;
pub mod group_sync;
pub mod outstanding;
pub mod refused;
pub mod rule_replay;
pub mod standing;
pub mod warnings;

pub mod line;
pub mod lists;
pub mod names;
pub mod states;
pub mod time;

mod slack;
mod style;

pub use slack::{SlackStyle, escape, link, plain_text, shown};
pub use style::{ChannelStyle, PlainStyle};
