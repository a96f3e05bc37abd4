//! Attribute memberships in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use hallpass_access::{GroupSyncItem, GroupSyncRun, GroupSyncStore, GroupSyncWrite, ReadError};
use hallpass_base::HoldKey;

use super::MemoryStore;
use crate::fault::StorageFault;
use crate::steps::{exists_already, wrong_version};

#[derive(Clone, Debug, Default)]
pub(super) struct GroupSync {
    items: BTreeMap<HoldKey, GroupSyncItem>,
    run: Option<GroupSyncRun>,
}

pub(super) fn staged(
    base: &GroupSync,
    items: Vec<GroupSyncWrite>,
    run: Option<GroupSyncRun>,
) -> Result<Option<GroupSync>, StorageFault> {
    if items.is_empty() && run.is_none() {
        return Ok(None);
    }
    let mut next = base.clone();
    for write in items {
        next.item(write)?;
    }
    if let Some(run) = run {
        let stored = next.run.as_ref().map_or(0, |stored| stored.version);
        if stored != run.version {
            return Err(wrong_version("the run that compares memberships"));
        }
        next.run = Some(GroupSyncRun {
            version: run.version + 1,
            ..run
        });
    }
    Ok(Some(next))
}

impl GroupSync {
    fn item(&mut self, write: GroupSyncWrite) -> Result<(), StorageFault> {
        let what = |row: &GroupSyncItem| format!("the change of membership {}", row.key);
        let stored = |row: &GroupSyncItem| self.items.get(&row.key).map(|it| it.version);
        match write {
            GroupSyncWrite::Insert(row) => {
                if stored(&row).is_some() {
                    return Err(exists_already(&what(&row)));
                }
                self.items.insert(row.key.clone(), row);
            }
            GroupSyncWrite::Update(row) => {
                if stored(&row) != Some(row.version) {
                    return Err(wrong_version(&what(&row)));
                }
                let next = GroupSyncItem {
                    version: row.version + 1,
                    ..row
                };
                self.items.insert(next.key.clone(), next);
            }
            GroupSyncWrite::Remove(row) => {
                if stored(&row) != Some(row.version) {
                    return Err(wrong_version(&what(&row)));
                }
                self.items.remove(&row.key);
            }
        }
        Ok(())
    }
}

#[async_trait]
impl GroupSyncStore for MemoryStore {
    async fn group_sync_items(&self) -> Result<Vec<GroupSyncItem>, ReadError> {
        Ok(self.state().group_sync.items.values().cloned().collect())
    }

    async fn group_sync_run(&self) -> Result<Option<GroupSyncRun>, ReadError> {
        Ok(self.state().group_sync.run.clone())
    }
}
