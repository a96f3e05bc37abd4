//! What AWS Config recorded, and the events of `CloudTrail`.

use crate::table::{CQ_ID, InventoryTable, SliceColumns, boolean, json, text, time};

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

pub(super) static CLOUDTRAIL_EVENTS: InventoryTable = InventoryTable {
    name: "aws_cloudtrail_events",
    about: "An event of CloudTrail",
    from: "objects of a trail, LookupEvents",
    key: &["event_id"],
    slice: SliceColumns::account_and_region("recipient_account_id", "aws_region"),
    columns: &[
        CQ_ID,
        text("event_id"),
        time("event_time"),
        text("event_source"),
        text("event_name"),
        text("aws_region"),
        text("recipient_account_id"),
        text("actor_type"),
        text("actor_arn").or_null(),
        text("actor_name").or_null(),
        text("idc_user_id").or_null(),
        text("identity_store_id").or_null(),
        text("error_code").or_null(),
        text("source_ip").or_null(),
        boolean("read_only"),
        json("request_parameters").or_null(),
        json("response_elements").or_null(),
        json("additional").or_null(),
        json("service_details").or_null(),
    ],
};
