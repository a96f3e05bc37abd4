//! What is live on one key: what every step of its grants goes by.

use hallpass_assignments::AssignmentRow;

use crate::Grant;

/// Everything live on one key.
#[derive(Clone, Debug, Default)]
pub struct Holds {
    /// Grants that are not over.
    pub grants: Vec<Grant>,
    /// The assignment row.
    pub row: Option<AssignmentRow>,
}
