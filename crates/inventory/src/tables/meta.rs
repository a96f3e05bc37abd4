//! Tables about all stored snapshots.

use crate::table::RowSource::Steps;
use crate::table::{CQ_ID, InventoryTable, SliceColumns, int8, text, time};

pub const META: &[&InventoryTable] = &[&SNAPSHOTS, &COVERAGE, &SYNC_ERRORS];

static SNAPSHOTS: InventoryTable = InventoryTable {
    name: "hallpass_snapshots",
    about: "A snapshot that is kept",
    from: Steps("hallpass sync, hallpass query snapshots import"),
    key: &["snapshot_id"],
    slice: SliceColumns::GLOBAL,
    columns: &[
        CQ_ID,
        text("snapshot_id"),
        time("started"),
        time("finished").or_null(),
        text("state").about("complete, partial or failed"),
        text("host"),
        text("version"),
    ],
};

static COVERAGE: InventoryTable = InventoryTable {
    name: "hallpass_coverage",
    about: "A requested slice: one table of one account and Region",
    from: Steps("hallpass sync, hallpass query snapshots import"),
    key: &["snapshot_id", "table_name", "account_id", "region"],
    slice: SliceColumns::GLOBAL,
    columns: &[
        CQ_ID,
        text("snapshot_id"),
        text("table_name"),
        text("account_id").or_null(),
        text("region").about("`global` without a Region"),
        text("state").about("ok, failed, skipped or carried"),
        int8("row_count"),
        time("started"),
        time("finished").or_null(),
        text("source_snapshot_id")
            .or_null()
            .about("the snapshot that the rows come from, if carried over"),
    ],
};

static SYNC_ERRORS: InventoryTable = InventoryTable {
    name: "hallpass_sync_errors",
    about: "Why a slice failed",
    from: Steps("hallpass sync"),
    key: &[
        "snapshot_id",
        "table_name",
        "account_id",
        "region",
        "stage",
        "operation",
        "code",
        "message",
    ],
    slice: SliceColumns::GLOBAL,
    columns: &[
        CQ_ID,
        text("snapshot_id"),
        text("table_name"),
        text("account_id").or_null(),
        text("region"),
        text("stage").about("assume_role or call"),
        text("operation"),
        text("code"),
        text("message"),
        int8("http_status").or_null(),
        int8("attempts"),
        text("request_id").or_null(),
    ],
};
