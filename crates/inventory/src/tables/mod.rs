//! Every table, declared once, in the file of what it is about: the engine, files, imports, groups, the reference and
//! the collector are made of these.

mod contacts;
mod events;
mod iam;
mod identity_center;
mod meta;
mod okta;
mod organizations;
mod people;

use std::sync::LazyLock;

use crate::sync_group::SyncGroup;
use crate::table::InventoryTable;

pub use meta::META;

/// What is collected together, and what no group collects, in the order of the reference.
const FILES: [(Option<SyncGroup>, &[InventoryTable]); 7] = [
    (Some(SyncGroup::Organizations), organizations::TABLES),
    (Some(SyncGroup::Contacts), contacts::TABLES),
    (Some(SyncGroup::Iam), iam::TABLES),
    (Some(SyncGroup::IdentityCenter), identity_center::TABLES),
    (Some(SyncGroup::Okta), okta::TABLES),
    (None, people::TABLES),
    (None, events::TABLES),
];

/// Every table of things that exist, in the order of the reference.
pub static TABLES: LazyLock<Vec<&'static InventoryTable>> =
    LazyLock::new(|| FILES.into_iter().flat_map(|(_, tables)| tables).collect());

/// The table of things that has this name.
pub fn table(name: &str) -> Option<&'static InventoryTable> {
    TABLES.iter().find(|table| table.name == name).copied()
}

impl SyncGroup {
    /// The group that a table is collected with; `None` where nothing collects it.
    pub fn of(table: &str) -> Option<Self> {
        let has = |tables: &[InventoryTable]| tables.iter().any(|it| it.name == table);
        let found = FILES.into_iter().find(|(_, tables)| has(tables));
        found.and_then(|(group, _)| group)
    }

    /// Its tables.
    pub fn tables(self) -> impl Iterator<Item = &'static InventoryTable> {
        let own = FILES.into_iter().filter(move |it| it.0 == Some(self));
        own.flat_map(|(_, tables)| tables)
    }

    /// The names of its tables that are one slice of the whole organization.
    pub fn whole_tables(self) -> Vec<&'static str> {
        let whole = self.tables().filter(|it| it.slice.account.is_none());
        whole.map(|it| it.name).collect()
    }

    /// The names of its tables that are a slice for each account.
    pub fn account_tables(self) -> Vec<&'static str> {
        let own = self.tables().filter(|it| it.slice.account.is_some());
        own.map(|it| it.name).collect()
    }
}
