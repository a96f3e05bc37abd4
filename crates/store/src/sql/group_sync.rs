//! Attribute memberships in tables: current items, and the newest run.

use async_trait::async_trait;
use hallpass_access::{GroupSyncItem, GroupSyncRun, GroupSyncStore, GroupSyncWrite, ReadError};

use super::keyed_table::{KeyedChange, KeyedTable};
use super::{SqlStore, number};
use crate::database::{Optional, Transaction};
use crate::fault::StorageFault;
use crate::rows::{body, read_body};
use crate::steps::wrong_version;

const ITEMS: KeyedTable = KeyedTable {
    about: "the change of membership",
    insert: "INSERT INTO group_sync_items (hold_key, version, body) VALUES (?1, ?2, ?3)",
    update: "UPDATE group_sync_items SET version = ?2, body = ?3
             WHERE hold_key = ?1 AND version = ?2 - 1",
    remove: "DELETE FROM group_sync_items WHERE hold_key = ?1 AND version = ?2",
};

pub(super) fn item(tx: &Transaction<'_>, write: &GroupSyncWrite) -> Result<(), StorageFault> {
    let (key, change) = match write {
        GroupSyncWrite::Insert(row) => (&row.key, KeyedChange::Insert(row.version, body(row)?)),
        GroupSyncWrite::Update(row) => {
            let next = GroupSyncItem {
                version: row.version + 1,
                ..row.clone()
            };
            (&row.key, KeyedChange::Update(next.version, body(&next)?))
        }
        GroupSyncWrite::Remove(row) => (&row.key, KeyedChange::Remove(row.version)),
    };
    ITEMS.write(tx, key, change)
}

pub(super) fn run(tx: &Transaction<'_>, read: &GroupSyncRun) -> Result<(), StorageFault> {
    let next = GroupSyncRun {
        version: read.version + 1,
        ..read.clone()
    };
    let sql = if read.version == 0 {
        "INSERT INTO group_sync_runs (only, version, body) VALUES (1, ?1, ?2) ON CONFLICT (only) DO NOTHING"
    } else {
        "UPDATE group_sync_runs SET version = ?1, body = ?2 WHERE version = ?1 - 1"
    };
    let written = tx
        .prepare(sql)?
        .execute((number(next.version), body(&next)?))?;
    if written == 1 {
        Ok(())
    } else {
        Err(wrong_version("the run that compares memberships"))
    }
}

#[async_trait]
impl GroupSyncStore for SqlStore {
    async fn group_sync_items(&self) -> Result<Vec<GroupSyncItem>, ReadError> {
        let read = |tx: &Transaction<'_>| {
            let texts = tx
                .prepare("SELECT body FROM group_sync_items")?
                .query_map([], |row| row.get(0))?
                .collect::<Result<Vec<String>, _>>()?;
            let items = texts
                .iter()
                .map(|text| read_body("change of membership", text));
            items.collect::<Result<Vec<GroupSyncItem>, StorageFault>>()
        };
        let mut items = self.read(read).await?;
        // key order differs from text order
        items.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(items)
    }

    async fn group_sync_run(&self) -> Result<Option<GroupSyncRun>, ReadError> {
        let read = |tx: &Transaction<'_>| {
            let text: Option<String> = tx
                .prepare("SELECT body FROM group_sync_runs")?
                .query_row([], |row| row.get(0))
                .optional()?;
            text.map(|text| read_body("comparison of memberships", &text))
                .transpose()
        };
        Ok(self.read(read).await?)
    }
}
