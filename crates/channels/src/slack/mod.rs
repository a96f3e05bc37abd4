//! Slack: verifies calls, renders messages and sends notices.
//!
//! Only a caller of the journey: `hallpass-access` decides permissions from stored state. Knows
//! nothing of SQL, AWS or the HTTP server.

mod app;
#[cfg(test)]
mod fuzz;
mod inbound;
mod line;
mod signature;

mod advice;
mod approving;
mod asking;
mod mine;
mod modal;
mod options;
mod presses;
mod refusals;
mod remediating;
mod undecided;

mod channel;
mod deliver;
mod digest;
mod judging;
mod message;
mod notice_text;
mod unheard;

mod blocks;
mod break_glass;
mod client;
mod ends;
mod fault;
pub mod ids;
mod memory;
mod person;
mod setup;
mod warned;
mod words;

mod check;
mod manifest;
mod socket;

pub use app::{Ports, Slack, SlackReply};
pub use blocks::{Block, Choice, Element, SlackView, Style, Text};
pub use check::{CheckFinding, check};
pub use client::{Client, Myself, SlackUser};
pub use ends::ReportedEnds;
pub use fault::SlackError;
pub use inbound::{Inbound, MessagePlace, NotUnderstood, Press, SlackActor, SubmittedForm};
pub use line::ToldOfLine;
pub use manifest::{Reach, SCOPES, manifest};
pub use memory::{MemoryFault, SlackMemory};
pub use message::{Drawn, Scene, draw};
pub use setup::{Marks, Setup};
pub use signature::{NotSigned, SKEW_SECONDS_MAX, Signed, sign, verify};
