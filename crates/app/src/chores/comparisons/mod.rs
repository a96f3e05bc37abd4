//! Scheduled comparisons with files, and their alerts. `loops/src/compared.rs` is the loop.

mod access;
mod delegation;

use async_trait::async_trait;
use serde_json::{Map, Value};

pub use access::{AccessComparison, COMPARED as ACCESS_RULE};
pub use delegation::{COMPARED as DELEGATION_RULE, DelegationComparison};

use hallpass_terminal::exit::Failure;

pub struct ComparedRule {
    pub file: &'static str,
    pub id: &'static str,
    /// Columns of its rows; all are the key.
    pub columns: &'static [&'static str],
    pub message: &'static str,
    pub metric: &'static str,
    /// Alert for unread parts; `None` where a failed read leaves nothing known.
    pub unread: Option<UnreadRule>,
}

pub struct UnreadRule {
    pub id: &'static str,
    pub key: &'static [&'static str],
    pub columns: &'static [&'static str],
    pub message: &'static str,
}

pub struct UnreadRow {
    pub place: Map<String, Value>,
    pub row: Map<String, Value>,
}

#[derive(Default)]
pub struct Compared {
    pub differing: Vec<Map<String, Value>>,
    pub unread: Vec<UnreadRow>,
}

#[async_trait]
pub trait Comparison: Send + Sync {
    fn rule(&self) -> &'static ComparedRule;
    /// Returns differences and unread parts.
    ///
    /// # Errors
    /// When nothing is known: then nothing counts as resolved (`inventory.md` R-1).
    async fn differing(&self) -> Result<Compared, Failure>;
}
