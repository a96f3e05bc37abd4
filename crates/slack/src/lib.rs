//! Slack: verifies what it sends, renders what people see, and tells them what happened.
//!
//! Only another caller of the journey: who may do what is decided by `hallpass-access` from stored
//! state. Knows nothing of SQL, AWS or the HTTP server.
#![warn(missing_docs)]

mod app;
mod inbound;
mod signature;

mod advice;
mod asking;
mod modal;
mod options;
mod presses;
mod refusals;

mod channel;
mod deliver;
mod digest;
mod message;
mod tidings;

mod blocks;
mod client;
mod fault;
mod glass;
pub mod ids;
mod memory;
mod person;
mod setup;
mod words;

mod check;
mod manifest;
mod socket;

pub use app::{Ports, Reply, Slack};
pub use blocks::{Block, Choice, Element, Style, Text, View};
pub use check::{Finding, check};
pub use client::{Client, Myself, SlackUser};
pub use fault::SlackError;
pub use inbound::{By, Form, Inbound, NotUnderstood, Place, Press};
pub use manifest::{Reach, SCOPES, manifest};
pub use memory::{Memory, MemoryFault};
pub use message::{Drawn, Scene, draw};
pub use setup::{Marks, Setup};
pub use signature::{NotSigned, SKEW_SECONDS_MAX, Signed, sign, verify};
