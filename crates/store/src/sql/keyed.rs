//! Rows that are named by whose hold on what they are about: put in, changed, and taken away where they are still what was
//! read.

use hallpass_base::HoldKey;

use super::number;
use crate::database::{ConstraintRefusal, DatabaseError, Transaction};
use crate::fault::StorageFault;
use crate::steps::{exists_already, wrong_version};

/// A table of such rows by its statements. Each takes the key and the version, those that write take the body.
pub(super) struct KeyedTable {
    /// What a row is, in the words before its key.
    pub(super) about: &'static str,
    pub(super) insert: &'static str,
    /// Over the row of the version before.
    pub(super) update: &'static str,
    pub(super) remove: &'static str,
}

/// What becomes of a row, with its version and its body then.
pub(super) enum KeyedChange {
    Insert(u64, String),
    Update(u64, String),
    /// Of the version that was read.
    Remove(u64),
}

impl KeyedTable {
    /// Stores what becomes of a row.
    pub(super) fn write(
        &self,
        tx: &Transaction<'_>,
        key: &HoldKey,
        change: KeyedChange,
    ) -> Result<(), StorageFault> {
        let named = key.to_string();
        let written = match change {
            KeyedChange::Insert(version, body) => {
                tx.prepare(self.insert)?
                    .execute((named, number(version), body))
            }
            KeyedChange::Update(version, body) => {
                tx.prepare(self.update)?
                    .execute((named, number(version), body))
            }
            KeyedChange::Remove(version) => {
                tx.prepare(self.remove)?.execute((named, number(version)))
            }
        };
        one_row(written, || format!("{} {key}", self.about))
    }
}

/// What came of a write that is to change one row, of the version that was read or not there yet.
pub(super) fn one_row(
    written: Result<usize, DatabaseError>,
    what: impl Fn() -> String,
) -> Result<(), StorageFault> {
    match written {
        Ok(1) => Ok(()),
        Ok(_) => Err(wrong_version(&what())),
        Err(error) => Err(match error.refusal() {
            Some(ConstraintRefusal::Twin) => exists_already(&what()),
            Some(ConstraintRefusal::Trigger) | None => error.into(),
        }),
    }
}
