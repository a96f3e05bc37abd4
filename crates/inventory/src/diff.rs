//! Compares two snapshots. A row is deleted only if a later complete list lacks it (`inventory.md`
//! T-7).

use std::collections::BTreeMap;

use crate::cell::TableRow;
use crate::snapshot::{SliceOutcome, Snapshot, SnapshotRecord, is_of};
use crate::table::InventoryTable;

/// Rows in id order.
#[derive(Debug, Default, PartialEq)]
pub struct TableChanges<'a> {
    /// Only in the later snapshot; both read the slice completely.
    pub added: Vec<&'a TableRow>,
    /// Only in the earlier snapshot; both read the slice completely.
    pub removed: Vec<&'a TableRow>,
    /// Before and after.
    pub changed: Vec<(&'a TableRow, &'a TableRow)>,
    /// Only in one snapshot; the other's slice failed or was not collected.
    pub unknown: Vec<&'a TableRow>,
}

pub fn diff<'a>(
    table: &InventoryTable,
    before: &'a Snapshot,
    after: &'a Snapshot,
) -> TableChanges<'a> {
    let (old, new) = (by_id(table, before), by_id(table, after));
    let known = |row: &TableRow| {
        has_slice(&before.record, table, row) && has_slice(&after.record, table, row)
    };
    let mut changes = TableChanges::default();
    for (id, row) in &old {
        match new.get(id) {
            Some(now) if now == row => {}
            Some(now) => changes.changed.push((row, now)),
            None if known(row) => changes.removed.push(row),
            None => changes.unknown.push(row),
        }
    }
    for (id, row) in &new {
        match old.contains_key(id) {
            true => {}
            false if known(row) => changes.added.push(row),
            false => changes.unknown.push(row),
        }
    }
    changes
}

fn by_id<'a>(table: &InventoryTable, snapshot: &'a Snapshot) -> BTreeMap<&'a str, &'a TableRow> {
    let rows = snapshot.rows.get(table.name).into_iter().flatten();
    // the id is the first column of every table
    rows.filter_map(|row| Some((row.first()?.as_text()?, row)))
        .collect()
}

/// Checks that a snapshot read the row's slice completely.
fn has_slice(record: &SnapshotRecord, table: &InventoryTable, row: &TableRow) -> bool {
    record.slices_of(table.name).any(|slice| {
        is_of(table, row, &slice.key) && matches!(slice.outcome, SliceOutcome::Ok { .. })
    })
}
