//! What is to be collected.

use std::collections::BTreeSet;

use hallpass_inventory::SyncGroup;
use hallpass_model::AccountId;

/// What is to be collected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncScope {
    /// Which tables.
    pub groups: BTreeSet<SyncGroup>,
    /// Only these accounts; all where empty. Tables of the whole organization are whole all the
    /// same.
    pub accounts: BTreeSet<AccountId>,
    /// Only accounts below these units: ids, or paths as `/Workloads/Production`.
    pub units: Vec<String>,
}

impl SyncScope {
    /// Whether a group is wanted.
    pub fn wants(&self, group: SyncGroup) -> bool {
        self.groups.contains(&group)
    }
}
