//! Alerts on queries: a rule is a query over snapshots, each row it gives is something that stands, and people are
//! told when a row is new and when it is gone (`inventory.md` §2.2).
//!
//! Pure: rules, what was stored of them, what a query answered and `now` in; new states and what is to be told out.
//! Knows nothing of SQL, files, channels or clocks.
#![warn(missing_docs)]

mod read;
mod rule;

mod advance;
mod row;
mod run;
mod state;

mod happening;
mod muting;

mod message;
mod ports;

/// Ready-made rules over the shipped queries, as a file.
pub const EXAMPLE: &str = include_str!("example.yaml");

pub use advance::{RuleStep, advance, is_due};
pub use happening::{HappeningRule, HappeningTurn, happened, happened_together, listed, stood};
pub use message::{AlertMessage, AlertNews, ListedRows, RowNews, ToldRow};
pub use muting::{MuteStep, NoSuchRow, mute, unmute};
pub use ports::{AlertCommitError, AlertStore, AlertWrite};
pub use read::{AlertFileFinding, read};
pub use row::{AlertRow, AlertRowKey, RowPhase};
pub use rule::{AlertQuestion, AlertRule, AlertRuleId, AlertRuleIdError, AlertSeverity};
pub use run::{AlertJob, AskedRule, BlockedBy, ReadTable, RunAnswer, RunRows, SliceFault};
pub use state::{AlertState, Mute, RulePhase};
