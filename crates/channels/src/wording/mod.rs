//! What people are told, written once: every sentence that more than one channel shows. Journeys and
//! notices carry facts; here they become words, and a channel says only how it writes names and times.
//!
//! Knows the types of the journey. Never knows how anything is delivered, drawn or stored.

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

pub use slack::{SlackStyle, escape, plain_text, shown};
pub use style::{ChannelStyle, PlainStyle};
