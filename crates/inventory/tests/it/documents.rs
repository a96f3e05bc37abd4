use std::fs;
use std::path::Path;

use hallpass_inventory::{
    Cell, Slice, SliceKey, SliceOutcome, Snapshot, SnapshotRecord, export, import, table,
};
use serde_json::{Value, json};

pub(crate) fn fixture(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/spec/fixtures");
    serde_json::from_str(&fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}

#[test]
fn the_fixtures_are_read_whole() {
    let read = import(&fixture("inventory-lostkeys.json")).unwrap();
    assert_eq!(read.now.unwrap().to_string(), "2026-11-20T00:00:00Z");
    let counts: Vec<_> = read
        .rows
        .iter()
        .map(|(name, rows)| (*name, rows.len()))
        .collect();
    assert_eq!(
        counts,
        [
            ("aws_iam_user_access_keys", 13),
            ("aws_iam_users", 13),
            ("okta_users", 11)
        ]
    );
    let (tags, _) = table("aws_iam_users").unwrap().column("tags").unwrap();
    let ivy = &read.rows["aws_iam_users"][8];
    assert_eq!(ivy[tags], Cell::Json(json!({"email": null})));
    let eli = &read.rows["aws_iam_users"][4];
    assert_eq!(eli[tags], Cell::Null);
    let who = import(&fixture("inventory-who.json")).unwrap();
    assert_eq!(who.rows["aws_ssoadmin_account_assignments"].len(), 12);
}

#[test]
fn what_is_wrong_is_said_with_table_row_and_column() {
    for (document, said) in [
        (
            json!([]),
            "a snapshot is an object with `tables`, an object of lists of rows",
        ),
        (
            json!({"now": "yesterday", "tables": {}}),
            "`now` is no instant of RFC 3339",
        ),
        (
            json!({"tables": {"aws_iam_user": []}}),
            "table `aws_iam_user`: there is no such table; \
             nearest: `aws_iam_users`, `aws_iam_roles`, `aws_iam_groups`",
        ),
        (
            json!({"tables": {"okta_users": {}}}),
            "table `okta_users`: the rows of a table are a list",
        ),
        (
            json!({"tables": {"okta_users": [{"id": "a"}, 5]}}),
            "table `okta_users`, row 2: a row is an object",
        ),
        (
            json!({"tables": {"okta_users": [{"id": "a"}, {"id": "b", "profil": {}}]}}),
            "table `okta_users`, row 2, column `profil`: there is no such column; \
             nearest: `profile`, `provider_type`, `type_id`",
        ),
        (
            json!({"tables": {"okta_users": [{"id": "a", "last_login": "monday"}]}}),
            "table `okta_users`, row 1, column `last_login`: `\"monday\"` is no timestamptz",
        ),
        (
            json!({"tables": {"aws_iam_users": [{"arn": "a", "mfa_active": "true"}]}}),
            "table `aws_iam_users`, row 1, column `mfa_active`: `\"true\"` is no bool",
        ),
        (
            json!({"tables": {"aws_organizations_organizational_units": [{"id": "ou", "depth": 1.5}]}}),
            "table `aws_organizations_organizational_units`, row 1, column `depth`: `1.5` is no int8",
        ),
        (
            json!({"tables": {"aws_regions": [{"account_id": "1"}]}}),
            "table `aws_regions`, row 1: a row without `cq_id` needs `account_id`, `region`",
        ),
        (
            json!({"tables": {"okta_users": [{"id": "a"}, {"id": "b"}, {"id": "a"}]}}),
            "table `okta_users`, row 3: row 1 has the same `cq_id`",
        ),
    ] {
        assert_eq!(import(&document).unwrap_err().to_string(), said);
    }
}

#[test]
fn what_is_exported_is_read_as_it_was() {
    let read = import(&fixture("inventory-lostkeys.json")).unwrap();
    let at = read.now.unwrap();
    let slices = read.rows.iter().map(|(name, rows)| Slice {
        key: SliceKey::whole(name),
        started: at,
        finished: Some(at),
        outcome: SliceOutcome::Ok {
            row_count: rows.len() as u64,
        },
    });
    let record = SnapshotRecord {
        id: "20261120T000000Z-0000000a".parse().unwrap(),
        started: at,
        finished: at,
        host: "here".to_owned(),
        version: "1".to_owned(),
        slices: slices.collect(),
    };
    let snapshot = Snapshot {
        record,
        rows: read.rows,
    };
    let again = import(&export(&snapshot)).unwrap();
    assert_eq!(again.rows, snapshot.rows);
    assert_eq!(again.now, Some(at));
}
