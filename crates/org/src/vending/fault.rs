//! What is wrong with a row: in which column, and whether the list alone says so.

use std::fmt;

/// What has to be known to find a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultBasis {
    /// The list alone.
    List,
    /// The organization.
    Organization,
}

/// Something wrong with a row. Its text is that of the column `ErrorMsg`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFault {
    /// The column.
    pub column: &'static str,
    /// What has to be known to find it.
    pub basis: FaultBasis,
    text: String,
}

impl fmt::Display for RowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What is wrong with one row, in the order of the columns.
#[derive(Default)]
pub(super) struct RowFaults(Vec<RowFault>);

impl RowFaults {
    /// The list alone says so.
    pub(super) fn in_list(&mut self, column: &'static str, text: impl Into<String>) {
        self.add(column, FaultBasis::List, text.into());
    }

    /// The organization says so.
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
