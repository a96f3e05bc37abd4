//! Rows of assignments, read one by one.

use hallpass_assignments::AssignmentRow;
use hallpass_model::HoldKey;

use crate::database::{Optional, Transaction};
use crate::fault::StorageFault;
use crate::rows::read_body;

/// The row of a key.
pub(super) fn load(
    tx: &Transaction<'_>,
    key: &HoldKey,
) -> Result<Option<AssignmentRow>, StorageFault> {
    load_by_name(tx, &key.to_string())
}

pub(super) fn load_by_name(
    tx: &Transaction<'_>,
    key: &str,
) -> Result<Option<AssignmentRow>, StorageFault> {
    let text: Option<String> = tx
        .prepare("SELECT body FROM assignments WHERE hold_key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    text.map(|text| read_body("assignment", &text)).transpose()
}
