//! The directory of Okta. `tags` and `arn` are no columns of it: they are those of IAM users in a
//! join (`inventory.md` T-14).

use crate::table::{CQ_ID, InventoryTable, SliceColumns, json, text, time};

pub(super) static USERS: InventoryTable = InventoryTable {
    name: "okta_users",
    about: "A person in Okta, those who left among them",
    from: "GET /api/v1/users, and again for those who are DEPROVISIONED",
    key: &["id"],
    slice: SliceColumns::GLOBAL,
    columns: &[
        CQ_ID,
        text("id"),
        text("status"),
        time("created"),
        time("activated").or_null(),
        time("status_changed").or_null(),
        time("last_login").or_null(),
        time("last_updated").or_null(),
        time("password_changed").or_null(),
        text("type_id"),
        text("provider_type").or_null(),
        json("profile")
            .or_null()
            .about("whole, with what a company has added"),
    ],
};

pub(super) static GROUPS: InventoryTable = InventoryTable {
    name: "okta_groups",
    about: "A group in Okta",
    from: "GET /api/v1/groups",
    key: &["id"],
    slice: SliceColumns::GLOBAL,
    columns: &[
        CQ_ID,
        text("id"),
        text("group_type"),
        json("profile").or_null(),
    ],
};

pub(super) static GROUP_MEMBERS: InventoryTable = InventoryTable {
    name: "okta_group_members",
    about: "A person in a group of Okta",
    from: "GET /api/v1/groups/ID/users",
    key: &["okta_group_cq_id", "okta_user_cq_id"],
    slice: SliceColumns::GLOBAL,
    columns: &[CQ_ID, text("okta_group_cq_id"), text("okta_user_cq_id")],
};
