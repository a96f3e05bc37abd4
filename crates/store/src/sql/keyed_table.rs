//! Rows named by a key: inserted, changed, and deleted only at the version that was read.

use hallpass_base::HoldKey;

use super::number;
use crate::database::{ConstraintRefusal, DatabaseError, Transaction};
use crate::fault::StorageFault;
use crate::steps::{exists_already, wrong_version};

pub(super) struct KeyedTable {
    pub(super) about: &'static str,
    pub(super) insert: &'static str,
    pub(super) update: &'static str,
    pub(super) remove: &'static str,
}

pub(super) enum KeyedChange {
    Insert(u64, String),
    Update(u64, String),
    Remove(u64),
}

impl KeyedTable {
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
