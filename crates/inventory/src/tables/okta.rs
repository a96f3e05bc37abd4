//! The directory of Okta. It has no `tags` and `arn` columns: in a join these are those of IAM
//! users (`inventory.md` T-14).

use crate::table::RowSource::Steps;
use crate::table::{CQ_ID, InventoryTable, SliceColumns, json, text, time};

pub(super) static TABLES: &[InventoryTable] = &[
    InventoryTable {
        name: "okta_users",
        about: "A person in Okta, including those who left",
        from: Steps("GET /api/v1/users, and again for DEPROVISIONED users"),
        key: &["id"],
        slice: SliceColumns::GLOBAL,
        columns: &[
            CQ_ID,
            text("id").of("id"),
            text("status").of("status"),
            time("created").of("created"),
            time("activated").of("activated").or_null(),
            time("status_changed").of("statusChanged").or_null(),
            time("last_login").of("lastLogin").or_null(),
            time("last_updated").of("lastUpdated").or_null(),
            time("password_changed").of("passwordChanged").or_null(),
            text("type_id").of("type/id"),
            text("provider_type")
                .of("credentials/provider/type")
                .or_null(),
            json("profile")
                .of("profile")
                .or_null()
                .about("whole, with what a company has added"),
        ],
    },
    InventoryTable {
        name: "okta_groups",
        about: "A group in Okta",
        from: Steps("GET /api/v1/groups"),
        key: &["id"],
        slice: SliceColumns::GLOBAL,
        columns: &[
            CQ_ID,
            text("id").of("id"),
            text("group_type").of("type"),
            json("profile").of("profile").or_null(),
        ],
    },
    InventoryTable {
        name: "okta_group_members",
        about: "A person in a group of Okta",
        from: Steps("GET /api/v1/groups/ID/users"),
        key: &["okta_group_cq_id", "okta_user_cq_id"],
        slice: SliceColumns::GLOBAL,
        columns: &[CQ_ID, text("okta_group_cq_id"), text("okta_user_cq_id")],
    },
];
