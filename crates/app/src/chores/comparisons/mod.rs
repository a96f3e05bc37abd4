//! What is held against files on a schedule: each says what differs, and how that is told. `loops/src/compared.rs` is the loop.

mod access;
mod delegation;

use async_trait::async_trait;
use serde_json::{Map, Value};

pub use access::{AccessComparison, COMPARED as ACCESS_RULE};
pub use delegation::{COMPARED as DELEGATION_RULE, DelegationComparison};

use hallpass_terminal::exit::Failure;

/// The rule by which what differs is told.
pub struct ComparedRule {
    /// The name by which the state knows the rule's file; no file can be called so.
    pub file: &'static str,
    /// The rule.
    pub id: &'static str,
    /// Columns of its rows, all of them its key.
    pub columns: &'static [&'static str],
    /// How a row is told.
    pub message: &'static str,
    /// The counter of comparisons by what came of them.
    pub metric: &'static str,
    /// How it is told that something was not read; `None` where then nothing is known at all.
    pub unread: Option<UnreadRule>,
}

/// The rule by which is told what was not read.
pub struct UnreadRule {
    /// The rule.
    pub id: &'static str,
    /// Columns that say which place it is.
    pub key: &'static [&'static str],
    /// All columns.
    pub columns: &'static [&'static str],
    /// How a row is told.
    pub message: &'static str,
}

/// Something that was not read.
pub struct UnreadRow {
    /// Values of the comparison's columns; each of its rows that has them is neither there nor over.
    pub place: Map<String, Value>,
    /// The row of [`UnreadRule`].
    pub row: Map<String, Value>,
}

/// What a comparison found.
#[derive(Default)]
pub struct Compared {
    /// What differs; each row has the rule's columns.
    pub differing: Vec<Map<String, Value>>,
    /// What was not read.
    pub unread: Vec<UnreadRow>,
}

/// Something that is held against files.
#[async_trait]
pub trait Comparison: Send + Sync {
    /// How it is told.
    fn rule(&self) -> &'static ComparedRule;
    /// What differs, and what is not known.
    ///
    /// # Errors
    /// When nothing is known: then nothing counts as over (`inventory.md` R-1).
    async fn differing(&self) -> Result<Compared, Failure>;
}
