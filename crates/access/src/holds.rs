use hallpass_assignments::{AssignmentRow, Ownership};

use crate::Grant;

#[derive(Clone, Debug, Default)]
pub struct Holds {
    pub grants: Vec<Grant>,
    pub row: Option<AssignmentRow>,
}

impl Holds {
    /// Whether the access existed before its grants, so no end removes it.
    pub(crate) fn stood_before(&self) -> bool {
        match &self.row {
            Some(row) => row.execution.ownership == Ownership::Standing,
            None => self.grants.iter().any(|grant| grant.standing),
        }
    }
}
