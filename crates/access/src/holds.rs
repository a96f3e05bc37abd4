//! What is live on one key: what every step of its grants goes by.

use hallpass_assignments::{AssignmentRow, Ownership};

use crate::Grant;

/// Everything live on one key.
#[derive(Clone, Debug, Default)]
pub struct Holds {
    /// Grants that are not over.
    pub grants: Vec<Grant>,
    /// The assignment row.
    pub row: Option<AssignmentRow>,
}

impl Holds {
    /// Whether this stood before what holds it: no end of a grant removes it.
    pub(crate) fn stood_before(&self) -> bool {
        match &self.row {
            Some(row) => row.execution.ownership == Ownership::Standing,
            None => self.grants.iter().any(|grant| grant.standing),
        }
    }
}
