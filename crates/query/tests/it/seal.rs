//! Output of `hallpass sync` becomes a complete snapshot or none (`inventory.md` §1.1).

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::{run, stderr, stdout};

const FIRST: &str = "20261120T000000Z-00000001";
const SECOND: &str = "20261121T000000Z-00000002";
const LATE: &str = "20261129T000000Z-00000003";

fn kept(folder: &Path, snapshot: &str, day: &str, slices: &[Value]) {
    let run = folder.join("run");
    let _ = fs::remove_dir_all(&run);
    fs::create_dir_all(run.join("slices")).unwrap();
    let about = json!({"asked": "", "snapshot": snapshot, "host": "here", "version": "1",
        "started": format!("2026-11-{day}T00:00:00Z"), "finished": format!("2026-11-{day}T00:10:00Z")});
    fs::write(run.join("run.json"), about.to_string()).unwrap();
    for (number, slice) in slices.iter().enumerate() {
        let path = run.join(format!("slices/{number}.json"));
        fs::write(path, slice.to_string()).unwrap();
    }
}

fn slice(account: &str, outcome: &Value, rows: &[Value]) -> Value {
    let mut slice = json!({"table": "aws_iam_groups", "account": account, "region": "global",
        "started": "2026-11-20T00:00:00Z", "finished": "2026-11-20T00:01:00Z"});
    let members = outcome.as_object().unwrap().clone();
    slice.as_object_mut().unwrap().extend(members);
    json!({"slice": slice, "rows": rows})
}

fn group(account: &str, name: &str) -> Value {
    json!({"group_arn": format!("arn:aws:iam::{account}:group/{name}"), "group_name": name,
        "group_account_id": account})
}

fn read(account: &str, names: &[&str]) -> Value {
    let rows: Vec<Value> = names.iter().map(|it| group(account, it)).collect();
    slice(
        account,
        &json!({"state": "ok", "row_count": rows.len()}),
        &rows,
    )
}

fn refused(account: &str) -> Value {
    let failure = json!({"stage": "call", "operation": "GetAccountAuthorizationDetails",
        "code": "AccessDenied", "message": "no", "http_status": 403, "attempts": 1, "request_id": "r"});
    let outcome = json!({"state": "failed", "failure": failure, "more": []});
    slice(account, &outcome, &[])
}

fn sealed(folder: &Path, flags: &str) -> Value {
    let output = run(folder, &format!("seal run {flags}"), None);
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap()
}

fn groups(folder: &Path, flags: &str) -> (i32, String, String) {
    let sql = "SELECT group_name FROM aws_iam_groups ORDER BY group_name";
    let output = run(folder, &format!("query {flags} --output csv"), Some(sql));
    let said = stderr(&output);
    (output.status.code().unwrap(), stdout(&output), said)
}

#[test]
fn what_was_read_is_a_snapshot_and_what_failed_is_said() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let skipped = json!({"state": "skipped", "reason": "suspended"});
    kept(
        folder,
        FIRST,
        "20",
        &[
            read("100000000001", &["a", "b"]),
            read("100000000002", &[]),
            refused("100000000003"),
            slice("100000000004", &skipped, &[]),
        ],
    );
    let said = sealed(folder, "");
    assert_eq!(said["snapshot_id"], FIRST);
    let counts = ["state", "ok", "failed", "skipped", "carried", "rows"].map(|it| said[it].clone());
    assert_eq!(json!(counts), json!(["partial", 2, 1, 1, 0, 2]));
    assert_eq!(said["failures"][0]["accounts"], json!(["100000000003"]));
    let (exit, rows, said) = groups(folder, "");
    assert_eq!((exit, rows.as_str()), (1, "group_name\na\nb\n"));
    assert!(said.contains("AccessDenied"), "{said}");
    let again = run(folder, "seal run", None);
    assert_eq!(
        again.status.code(),
        Some(1),
        "a finished snapshot stays unchanged"
    );
}

#[test]
fn a_failed_slice_is_carried_while_its_rows_are_young_enough() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let both = [read("100000000001", &["a"]), read("100000000003", &["old"])];
    kept(folder, FIRST, "20", &both);
    sealed(folder, "");
    let one = [read("100000000001", &["a", "b"]), refused("100000000003")];
    kept(folder, SECOND, "21", &one);
    let said = sealed(folder, "--carry-max-age 48h");
    assert_eq!((&said["carried"], &said["failed"]), (&json!(1), &json!(0)));
    assert_eq!(
        said["failures"][0]["code"], "AccessDenied",
        "the reason is still reported"
    );
    assert_eq!(groups(folder, "").1, "group_name\na\nb\nold\n");
    let sql = "SELECT source_snapshot_id FROM hallpass_coverage WHERE state = 'carried'";
    let source = run(folder, "query --output csv", Some(sql));
    assert_eq!(stdout(&source), format!("source_snapshot_id\n{FIRST}\n"));
    // carried rows are not carried again
    kept(folder, LATE, "29", &one);
    assert_eq!(sealed(folder, "--carry-max-age 48h")["failed"], 1);
}

#[test]
fn what_does_not_fit_the_tables_is_no_snapshot() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let ok = |count: usize, row: Value| {
        let outcome = json!({"state": "ok", "row_count": count});
        slice("100000000001", &outcome, &[row])
    };
    let mut lacking = group("100000000001", "a");
    lacking["group_name"] = Value::Null;
    let mut unknown = group("100000000001", "a");
    unknown["colour"] = json!("red");
    for (name, slice) in [
        ("a value is missing", ok(1, lacking)),
        ("a column is unknown", ok(1, unknown)),
        ("a row is missing", ok(2, group("100000000001", "a"))),
        ("it is torn", json!({"slice": 1})),
    ] {
        kept(folder, FIRST, "20", &[slice]);
        let output = run(folder, "seal run", None);
        assert_eq!(output.status.code(), Some(2), "{name}: {}", stdout(&output));
        assert!(!folder.join("snapshots").exists(), "{name}");
    }
}
