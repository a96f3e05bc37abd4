//! What is held against files on a schedule: each says what differs, and how that is told. `compose/compared.rs` is the loop.

mod access;
mod delegation;

use async_trait::async_trait;
use serde_json::{Map, Value};

pub(crate) use access::{AccessComparison, COMPARED as ACCESS_RULE};
pub(crate) use delegation::{COMPARED as DELEGATION_RULE, DelegationComparison};

use crate::exit::Failure;

/// The rule by which what differs is told.
pub(crate) struct ComparedRule {
    /// The name by which the state knows the rule's file; no file can be called so.
    pub(crate) file: &'static str,
    /// The rule.
    pub(crate) id: &'static str,
    /// Columns of its rows, all of them its key.
    pub(crate) columns: &'static [&'static str],
    /// How a row is told.
    pub(crate) message: &'static str,
    /// The counter of comparisons by what came of them.
    pub(crate) metric: &'static str,
    /// How it is told that something was not read; `None` where then nothing is known at all.
    pub(crate) unread: Option<UnreadRule>,
}

/// The rule by which is told what was not read.
pub(crate) struct UnreadRule {
    /// The rule.
    pub(crate) id: &'static str,
    /// Columns that say which place it is.
    pub(crate) key: &'static [&'static str],
    /// All columns.
    pub(crate) columns: &'static [&'static str],
    /// How a row is told.
    pub(crate) message: &'static str,
}

/// Something that was not read.
pub(crate) struct UnreadRow {
    /// Values of the comparison's columns; each of its rows that has them is neither there nor over.
    pub(crate) place: Map<String, Value>,
    /// The row of [`UnreadRule`].
    pub(crate) row: Map<String, Value>,
}

/// What a comparison found.
#[derive(Default)]
pub(crate) struct Compared {
    /// What differs; each row has the rule's columns.
    pub(crate) differing: Vec<Map<String, Value>>,
    /// What was not read.
    pub(crate) unread: Vec<UnreadRow>,
}

/// Something that is held against files.
#[async_trait]
pub(crate) trait Comparison: Send + Sync {
    /// How it is told.
    fn rule(&self) -> &'static ComparedRule;
    /// What differs, and what is not known.
    ///
    /// # Errors
    /// When nothing is known: then nothing counts as over (`inventory.md` R-1).
    async fn differing(&self) -> Result<Compared, Failure>;
}
