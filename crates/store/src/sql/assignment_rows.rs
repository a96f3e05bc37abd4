//! Rows of assignments, read one by one.

use hallpass_assignments::AssignmentRow;
use hallpass_base::HoldKey;

use crate::database::{Optional, Transaction};
use crate::fault::StorageFault;
use crate::rows::read_body;

/// What errors call them.
pub(super) const KIND: &str = "assignment";

/// What a row says, or why it cannot be read: its body, or what is wrong with it, or that it is no text at all.
pub(super) type ReadRow = Result<AssignmentRow, StorageFault>;

/// A row from what its column of bodies gave.
pub(super) fn read_row(text: Result<String, impl Into<StorageFault>>) -> ReadRow {
    let text = text.map_err(Into::<StorageFault>::into)?;
    read_body(KIND, &text)
}

/// The row of a key.
pub(super) fn load(
    tx: &Transaction<'_>,
    key: &HoldKey,
) -> Result<Option<AssignmentRow>, StorageFault> {
    stored(tx, &key.to_string())?.transpose()
}

/// What is stored of a key, whether it can be read or not.
pub(super) fn stored(tx: &Transaction<'_>, key: &str) -> Result<Option<ReadRow>, StorageFault> {
    let text = tx
        .prepare("SELECT body FROM assignments WHERE hold_key = ?1")?
        .query_row([key], |row| Ok(row.get::<String>(0)))
        .optional()?;
    Ok(text.map(read_row))
}
