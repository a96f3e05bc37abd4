//! Every table, declared once; engine, files, imports, groups, reference and collector use these.

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

/// Groups, and tables without a group, in reference order.
const FILES: [(Option<SyncGroup>, &[InventoryTable]); 7] = [
    (Some(SyncGroup::Organizations), organizations::TABLES),
    (Some(SyncGroup::Contacts), contacts::TABLES),
    (Some(SyncGroup::Iam), iam::TABLES),
    (Some(SyncGroup::IdentityCenter), identity_center::TABLES),
    (Some(SyncGroup::Okta), okta::TABLES),
    (None, people::TABLES),
    (None, events::TABLES),
];

pub static TABLES: LazyLock<Vec<&'static InventoryTable>> =
    LazyLock::new(|| FILES.into_iter().flat_map(|(_, tables)| tables).collect());

pub fn table(name: &str) -> Option<&'static InventoryTable> {
    TABLES.iter().find(|table| table.name == name).copied()
}

impl SyncGroup {
    pub fn of(table: &str) -> Option<Self> {
        let has = |tables: &[InventoryTable]| tables.iter().any(|it| it.name == table);
        let found = FILES.into_iter().find(|(_, tables)| has(tables));
        found.and_then(|(group, _)| group)
    }

    pub fn tables(self) -> impl Iterator<Item = &'static InventoryTable> {
        let own = FILES.into_iter().filter(move |it| it.0 == Some(self));
        own.flat_map(|(_, tables)| tables)
    }

    pub fn whole_tables(self) -> Vec<&'static str> {
        let whole = self.tables().filter(|it| it.slice.account.is_none());
        whole.map(|it| it.name).collect()
    }

    pub fn account_tables(self) -> Vec<&'static str> {
        let own = self.tables().filter(|it| it.slice.account.is_some());
        own.map(|it| it.name).collect()
    }
}
