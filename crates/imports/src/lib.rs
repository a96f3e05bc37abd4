//! Converts data of other temporary-access tools to Hallpass rules, and reports the differences.
//!
//! A module per tool reads its files into rows, and reports each row's result ([`RowOutcome`]).
//! Nothing is skipped silently: incomplete or wrong files are refused, and unconvertible rows are
//! in the report.
//!
//! Uses no files, network or clock: bytes in, text out.

mod dynamodb;
pub mod elevator;
mod hcl;
mod refused;
mod report;
mod rule_text;
mod strict_json;
pub mod team;
mod terraform;

pub use dynamodb::{ExportProblem, ExportRefused, Item, SourceFile};
pub use refused::ImportRefused;
pub use report::{
    ConfigurationLine, ImportReport, Imported, NoteCode, ReportRow, RowNote, RowOutcome,
};
