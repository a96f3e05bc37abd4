//! What AWS Config recorded, and what the events of `CloudTrail` come to.

use crate::table::{CQ_ID, InventoryTable, SliceColumns, boolean, int8, json, text, time};

pub(super) static CONFIG_RESOURCES: InventoryTable = InventoryTable {
    name: "aws_config_resources",
    about: "A resource as AWS Config recorded it",
    from: "SelectAggregateResourceConfig, SelectResourceConfig",
    key: &["account_id", "region", "resource_type", "resource_id"],
    slice: SliceColumns::account_and_region("account_id", "region"),
    columns: &[
        CQ_ID,
        text("account_id"),
        text("region"),
        text("resource_type"),
        text("resource_id"),
        text("resource_name").or_null(),
        text("config_arn").or_null(),
        json("configuration"),
        time("capture_time"),
    ],
};

pub(super) static ACTIVITY: InventoryTable = InventoryTable {
    name: "aws_activity",
    about: "What one principal called on a day in an account and Region, with one outcome",
    from: "hallpass activity ingest",
    key: &[
        "day",
        "account_id",
        "region",
        "principal_kind",
        "principal",
        "user_id",
        "permission_set",
        "role",
        "session_started",
        "service",
        "action",
        "error_code",
    ],
    slice: SliceColumns::account_and_region("account_id", "region"),
    columns: &[
        CQ_ID,
        text("day").about("in UTC, as 2026-11-20"),
        text("account_id"),
        text("region"),
        text("principal_kind").about("person, source_identity, role, user, root, service, account, federated or unattributed"),
        text("principal").about("of a person the name of the session, of a role its own"),
        text("user_id").or_null().about("in the identity store, where the log has it"),
        text("permission_set").or_null(),
        text("role").or_null(),
        time("session_started").or_null().about("of a person's session of a permission set"),
        text("service").about("the source of the event, without .amazonaws.com"),
        text("action").about("the name of the event"),
        text("error_code").or_null(),
        int8("events").about("how many, copies once"),
        time("first_seen"),
        time("last_seen"),
        boolean("is_write").or_null(),
        json("resources").about("up to five ARNs"),
        json("source_addresses").about("up to five"),
    ],
};
