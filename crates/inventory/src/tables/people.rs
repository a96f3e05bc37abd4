//! Exported people lists of directories other than Okta.

use crate::table::{CQ_ID, InventoryColumn, InventoryTable, RowSource, SliceColumns, json, text};

const COLUMNS: &[InventoryColumn] = &[
    CQ_ID,
    text("id"),
    text("status").about("ACTIVE, SUSPENDED or DEPROVISIONED; of CSV the file's word"),
    json("profile").about("whole, and always with `email`"),
];

const fn people(name: &'static str, about: &'static str, from: &'static str) -> InventoryTable {
    InventoryTable {
        name,
        about,
        from: RowSource::Steps(from),
        key: &["id"],
        slice: SliceColumns::GLOBAL,
        columns: COLUMNS,
    }
}

pub(super) static TABLES: &[InventoryTable] = &[
    people(
        "scim_users",
        "A person in a directory that speaks SCIM",
        "sync --people scim:FILE",
    ),
    people(
        "google_users",
        "A person in Google Workspace",
        "sync --people google:FILE",
    ),
    people(
        "entra_users",
        "A person in Microsoft Entra ID",
        "sync --people entra:FILE",
    ),
];
