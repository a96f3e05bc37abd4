//! An error in a row: its column, and if the list alone shows it.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultBasis {
    List,
    Organization,
}

/// Text for the column `ErrorMsg`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFault {
    pub column: &'static str,
    pub basis: FaultBasis,
    text: String,
}

impl fmt::Display for RowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[derive(Default)]
pub(super) struct RowFaults(Vec<RowFault>);

impl RowFaults {
    pub(super) fn in_list(&mut self, column: &'static str, text: impl Into<String>) {
        self.add(column, FaultBasis::List, text.into());
    }

    pub(super) fn in_organization(&mut self, column: &'static str, text: impl Into<String>) {
        self.add(column, FaultBasis::Organization, text.into());
    }

    fn add(&mut self, column: &'static str, basis: FaultBasis, text: String) {
        self.0.push(RowFault {
            column,
            basis,
            text,
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_vec(self) -> Vec<RowFault> {
        self.0
    }
}
