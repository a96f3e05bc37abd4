use hallpass_assignments::AssignmentRow;
use hallpass_base::HoldKey;

use crate::database::{Optional, Transaction};
use crate::fault::StorageFault;
use crate::rows::read_body;

pub(super) const KIND: &str = "assignment";

pub(super) type ReadRow = Result<AssignmentRow, StorageFault>;

pub(super) fn read_row(text: Result<String, impl Into<StorageFault>>) -> ReadRow {
    let text = text.map_err(Into::<StorageFault>::into)?;
    read_body(KIND, &text)
}

pub(super) fn load(
    tx: &Transaction<'_>,
    key: &HoldKey,
) -> Result<Option<AssignmentRow>, StorageFault> {
    stored(tx, &key.to_string())?.transpose()
}

pub(super) fn stored(tx: &Transaction<'_>, key: &str) -> Result<Option<ReadRow>, StorageFault> {
    let text = tx
        .prepare("SELECT body FROM assignments WHERE hold_key = ?1")?
        .query_row([key], |row| Ok(row.get::<String>(0)))
        .optional()?;
    Ok(text.map(read_row))
}
