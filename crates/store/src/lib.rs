//! Where everything is kept: the ports of the cores filled by statements over SQLite or PostgreSQL,
//! and by a model in memory that passes the same suite.
//!
//! A row is a JSON body with the columns beside it that guards and queries need; converting is
//! this crate's business, deciding is not. State, audit records and notices of a change are
//! stored in one transaction or not at all (promise P6).
//!
//! Knows nothing of rules, of HTTP or of AWS; makes no decision but whose write came first.
#![warn(missing_docs)]

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
