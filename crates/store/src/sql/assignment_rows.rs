//! Rows of assignments, read one by one.

use hallpass_assignments::AssignmentRow;
use hallpass_model::HoldKey;

use crate::database::{Optional, Transaction};
use crate::fault::StorageFault;
use crate::rows::read_body;

/// What errors call them.
pub(super) const KIND: &str = "assignment";

/// The row of a key.
pub(super) fn load(
    tx: &Transaction<'_>,
    key: &HoldKey,
) -> Result<Option<AssignmentRow>, StorageFault> {
    let text = text_by_name(tx, &key.to_string())?;
    text.map(|text| read_body(KIND, &text)).transpose()
}

/// What is stored of a key, whether it can be read or not.
pub(super) fn text_by_name(
    tx: &Transaction<'_>,
    key: &str,
) -> Result<Option<String>, StorageFault> {
    Ok(tx
        .prepare("SELECT body FROM assignments WHERE hold_key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?)
}
