//! Alerts on queries: a rule is a snapshot query, each result row is an open alert, and new and
//! closed rows are reported (`inventory.md` §2.2).
//!
//! Pure: rules, stored states, results and `now` in; new states and messages out. Knows no SQL,
//! files, channels or clocks.

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

/// Example rules over the shipped queries.
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
