use std::collections::BTreeMap;

use crate::cell::{Cell, TableRow};
use crate::table::InventoryTable;
use crate::tables::table;

#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    table: &'static InventoryTable,
    cells: &'a TableRow,
}

/// Empty if the table was not collected.
pub(super) fn rows_of<'a>(
    all: &'a BTreeMap<&'static str, Vec<TableRow>>,
    name: &str,
) -> impl Iterator<Item = Row<'a>> {
    let table = table(name);
    let rows = table.and_then(|table| all.get(table.name));
    let rows = rows.map_or(&[][..], Vec::as_slice).iter();
    rows.filter_map(move |cells| {
        Some(Row {
            table: table?,
            cells,
        })
    })
}

impl<'a> Row<'a> {
    pub(super) fn cell(self, column: &str) -> Option<&'a Cell> {
        let (index, _) = self.table.column(column)?;
        self.cells.get(index)
    }

    pub(super) fn text(self, column: &str) -> Option<&'a str> {
        self.cell(column).and_then(Cell::as_text)
    }

    pub(super) fn owned(self, column: &str) -> Option<String> {
        self.text(column).map(str::to_owned)
    }
}
