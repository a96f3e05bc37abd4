//! What other tools for temporary access have on file, as rules of ours, and what does not carry over.
//!
//! Each tool has a module that reads its files into rows, and says of every row where it went
//! ([`RowOutcome`]). Nothing is passed over: a file that is not whole, or not of the table it is given as,
//! is refused, and a row that rules cannot say is in the report.
//!
//! Knows nothing of files, networks and clocks: it takes bytes and gives texts.
#![warn(missing_docs)]

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
