//! Storage: fills the cores' ports with SQLite or PostgreSQL, and with a memory model that passes
//! the same suite.
//!
//! A row is a JSON body with the columns that guards and queries need. State, audit records and
//! notices of a change are stored in one transaction or not at all (promise P6).
//!
//! Knows nothing of rules, HTTP or AWS; decides only which write came first.

mod database;
mod fault;
mod filters;
mod packed;
mod rows;
mod steps;

mod lead;
mod memory;
mod sql;

mod identity;

mod files;
mod folder;
mod sign_in;
mod token;

pub use database::DatabaseError;
pub use files::{
    Existing, make_private_file, make_private_folder, write_private, write_private_file,
};
pub use folder::{FolderTarget, read_lines};
pub use identity::{StoredSessions, StoredTokens};
pub use lead::{
    Candidate, Claim, LeadStanding, LeadTimes, Leader, LeaderRow, NodeIdentity, Term, TermEnd,
};
pub use memory::{AfterCommit, MemorySessions, MemoryStore};
pub use sign_in::SignInRow;
pub use sql::{
    BackupError, Check, Copied, CopyError, EndsReader, Leadership, LogLook, LogMemory, LostRecords,
    OpenError, SeenHead, SqlStore,
};
pub use token::TokenRow;
pub mod postgres;
