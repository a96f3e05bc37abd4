//! Snapshots are complete or absent, immutable, and report missing data.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{json_of, lostkeys, run, stderr, stdout};

fn ok(folder: &Path, arguments: &str, last: Option<&str>) -> String {
    let output = run(folder, arguments, last);
    assert!(output.status.success(), "{arguments}: {}", stderr(&output));
    stdout(&output)
}

fn keep(folder: &Path, now: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut document = json_of(&lostkeys());
    document["now"] = json!(now);
    change(&mut document["tables"]);
    fs::write(folder.join("document.json"), document.to_string()).unwrap();
    ok(folder, "snapshots import document.json", None)
        .trim()
        .to_owned()
}

fn manifest(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("snapshots/_manifests/{id}.json"))
}

fn count(folder: &Path, flags: &str, table: &str) -> String {
    ok(
        folder,
        &format!("query {flags}"),
        Some(&format!("SELECT count(*) AS n FROM {table}")),
    )
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
    found.sort();
    found
}

#[test]
fn tables_are_of_one_snapshot_and_their_history_of_all() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let first = keep(folder, "2026-11-18T00:00:00Z", |_| {});
    let before = files(&folder.join("snapshots"));
    keep(folder, "2026-11-19T00:00:00Z", |tables| {
        tables["aws_iam_users"].as_array_mut().unwrap().remove(0);
        tables["aws_iam_users"][0]["path"] = json!("/moved/");
    });
    let users = "aws_iam_users";
    assert_eq!(count(folder, "", users), "{\"n\":12}\n");
    assert_eq!(count(folder, "--snapshot previous", users), "{\"n\":13}\n");
    assert_eq!(
        count(folder, "--snapshot 2026-11-18", users),
        "{\"n\":13}\n"
    );
    assert_eq!(
        count(folder, &format!("--snapshot {first}"), users),
        "{\"n\":13}\n"
    );
    assert_eq!(count(folder, "", "aws_iam_users_history"), "{\"n\":25}\n");
    let sql = "SELECT snapshot_id, synced_at, count(*) AS n FROM aws_iam_users_history GROUP BY 1, 2 ORDER BY 1 LIMIT 1";
    let row = ok(folder, "query", Some(sql));
    assert_eq!(
        row,
        format!(
            "{{\"snapshot_id\":\"{first}\",\"synced_at\":\"2026-11-18T00:00:00Z\",\"n\":13}}\n"
        )
    );
    let sql = "SELECT state, count(*) AS n FROM hallpass_snapshots GROUP BY 1";
    assert_eq!(
        ok(folder, "query", Some(sql)),
        "{\"state\":\"complete\",\"n\":2}\n"
    );
    assert_eq!(ok(folder, "snapshots list", None).lines().count(), 2);
    let changes = ok(
        folder,
        "snapshots diff previous newest --table aws_iam_users",
        None,
    );
    let changes: Vec<Value> = changes
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    let said: Vec<_> = changes
        .iter()
        .map(|it| {
            (
                it["change"].as_str().unwrap(),
                it["cq_id"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(said, [("removed", "u-01"), ("changed", "u-02")]);
    let after = files(&folder.join("snapshots"));
    assert!(!before.is_empty() && before.iter().all(|file| after.contains(file)));
    let missing = run(folder, "query --snapshot 2020-01-01", Some("SELECT 1"));
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn what_was_not_finished_is_not_there() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let first = keep(folder, "2026-11-18T00:00:00Z", |_| {});
    let second = keep(folder, "2026-11-19T00:00:00Z", |tables| {
        tables["aws_iam_users"] = json!([]);
    });
    fs::remove_file(manifest(folder, &second)).unwrap();
    fs::create_dir_all(folder.join("snapshots/_writing/20261120T000000Z-00000000")).unwrap();
    assert_eq!(count(folder, "", "aws_iam_users"), "{\"n\":13}\n");
    assert_eq!(count(folder, "", "aws_iam_users_history"), "{\"n\":13}\n");
    assert_eq!(
        ok(folder, "snapshots list -o csv", None)
            .lines()
            .nth(1)
            .unwrap()
            .split(',')
            .next(),
        Some(first.as_str())
    );
    // an unreadable manifest is an error, not a missing snapshot
    fs::write(manifest(folder, &second), "{").unwrap();
    assert_eq!(
        run(folder, "query", Some("SELECT 1")).status.code(),
        Some(2)
    );
    let text = fs::read_to_string(manifest(folder, &first)).unwrap();
    fs::write(
        manifest(folder, &second),
        text.replace("\"form\": 1", "\"form\": 2"),
    )
    .unwrap();
    let newer = run(folder, "snapshots list", None);
    assert!(
        stderr(&newer).contains("written by a newer hallpass"),
        "{}",
        stderr(&newer)
    );
}

#[test]
fn no_table_is_silently_empty() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let none = run(folder, "query", Some("SELECT * FROM aws_iam_roles"));
    let said = "error: E_NOT_SYNCED table=aws_iam_roles hint=hallpass sync --only iam\n";
    assert!(stderr(&none).starts_with(said), "{}", stderr(&none));
    assert_eq!(none.status.code(), Some(2));
    let id = keep(folder, "2026-11-18T00:00:00Z", |tables| {
        tables["okta_groups"] = json!([]);
    });
    let never = run(folder, "query", Some("SELECT count(*) FROM aws_iam_roles"));
    assert!(
        stderr(&never).starts_with(said) && never.stdout.is_empty(),
        "{}",
        stderr(&never)
    );
    assert_eq!(never.status.code(), Some(2));
    assert_eq!(count(folder, "", "okta_groups"), "{\"n\":0}\n");

    let mut written = json_of(&manifest(folder, &id));
    for account in ["444444444444", "555555555555"] {
        written["slices"].as_array_mut().unwrap().push(json!({
            "table": "aws_iam_users", "account": account, "region": "global",
            "started": "2026-11-18T00:00:00Z", "finished": "2026-11-18T00:00:00Z", "state": "failed",
            "failure": {"stage": "assume_role", "operation": "sts:AssumeRole", "code": "AccessDenied",
                "message": "no", "http_status": 403, "attempts": 1, "request_id": null},
            "more": [],
        }));
    }
    fs::write(manifest(folder, &id), written.to_string()).unwrap();
    let sql = "SELECT count(*) AS n FROM aws_iam_users";
    let partial = run(folder, "query", Some(sql));
    assert_eq!(stdout(&partial), "{\"n\":13}\n");
    assert_eq!(
        stderr(&partial),
        "partial: aws_iam_users: AccessDenied in assume_role for 444444444444 global, 555555555555 global\n"
    );
    assert_eq!(partial.status.code(), Some(1));
    let allowed = run(folder, "query --allow-partial", Some(sql));
    assert_eq!(
        (allowed.status.code(), stdout(&allowed).as_str()),
        (Some(0), "{\"n\":13}\n")
    );
    let complete = run(folder, "query --require-complete", Some(sql));
    assert_eq!(
        (complete.status.code(), stdout(&complete).as_str()),
        (Some(1), "")
    );
    assert_eq!(count(folder, "", "okta_users"), "{\"n\":11}\n");
    let sql =
        "SELECT account_id, stage, code, attempts FROM hallpass_sync_errors ORDER BY 1 LIMIT 1";
    let row = "{\"account_id\":\"444444444444\",\"stage\":\"assume_role\",\"code\":\"AccessDenied\",\"attempts\":1}\n";
    assert_eq!(ok(folder, "query", Some(sql)), row);
    assert!(ok(folder, "snapshots list", None).contains("\"state\":\"partial\""));
}

#[test]
fn exports_are_imports_and_pruning_asks() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    for day in ["2026-11-17", "2026-11-18", "2026-11-19"] {
        keep(folder, &format!("{day}T00:00:00Z"), |_| {});
    }
    ok(folder, "snapshots export --out out.json", None);
    let again = ok(folder, "snapshots --folder other import out.json", None);
    assert!(again.starts_with("20261119T000000Z-"), "{again}");
    let mut one = json_of(&folder.join("out.json"));
    ok(
        folder,
        "snapshots --folder other export --out again.json",
        None,
    );
    let mut other = json_of(&folder.join("again.json"));
    assert_eq!(one.take(), other.take());

    let asked = run(folder, "snapshots prune --keep 1", None);
    assert_eq!(asked.status.code(), Some(4), "{}", stderr(&asked));
    assert_eq!(ok(folder, "snapshots list", None).lines().count(), 3);
    fs::create_dir_all(folder.join("snapshots/_writing/x")).unwrap();
    ok(folder, "snapshots prune --keep 1 --yes", None);
    assert_eq!(ok(folder, "snapshots list", None).lines().count(), 1);
    assert_eq!(
        files(&folder.join("snapshots")).len(),
        4,
        "three tables and a manifest"
    );
    assert_eq!(count(folder, "", "aws_iam_users_history"), "{\"n\":13}\n");
    let bad = run(folder, "snapshots import missing.json", None);
    assert_eq!(bad.status.code(), Some(2));
}

fn fail(folder: &Path, id: &str, table: &str, account: Option<&str>) {
    let mut written = json_of(&manifest(folder, id));
    let slice = json!({
        "table": table, "account": account, "region": "global",
        "started": "2026-11-18T00:00:00Z", "finished": "2026-11-18T00:00:00Z", "state": "failed",
        "failure": {"stage": "call", "operation": "List", "code": "AccessDenied", "message": "no",
            "http_status": 403, "attempts": 1, "request_id": null},
        "more": [],
    });
    written["slices"].as_array_mut().unwrap().push(slice);
    fs::write(manifest(folder, id), written.to_string()).unwrap();
}

#[test]
fn a_history_says_what_failed_in_any_of_its_snapshots() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let first = keep(folder, "2026-11-18T00:00:00Z", |_| {});
    keep(folder, "2026-11-19T00:00:00Z", |_| {});
    let sql = "SELECT count(*) AS n FROM aws_iam_users_history";
    assert_eq!(ok(folder, "query", Some(sql)), "{\"n\":26}\n");
    fail(folder, &first, "aws_iam_users", Some("444444444444"));
    let partial = run(folder, "query", Some(sql));
    assert_eq!(
        (partial.status.code(), stderr(&partial).as_str()),
        (
            Some(1),
            "partial: aws_iam_users: AccessDenied in call for 444444444444 global\n"
        )
    );
    assert_eq!(count(folder, "", "aws_iam_users"), "{\"n\":13}\n");
}

#[test]
fn a_document_says_what_is_not_in_it_and_replaces_another_when_it_is_whole() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let id = keep(folder, "2026-11-18T00:00:00Z", |_| {});
    ok(folder, "snapshots export --out out.json", None);
    fail(folder, &id, "aws_iam_users", Some("444444444444"));
    let mut written = json_of(&manifest(folder, &id));
    for slice in written["slices"].as_array_mut().unwrap() {
        if slice["table"] == "okta_users" {
            slice["state"] = json!("failed");
            slice["failure"] = json!({"stage": "call", "operation": "List", "code": "AccessDenied", "message": "no",
                "http_status": 403, "attempts": 1, "request_id": null});
            slice["more"] = json!([]);
        }
    }
    fs::write(manifest(folder, &id), written.to_string()).unwrap();
    let path = folder.join("out.json");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let said = run(folder, "snapshots export --out out.json", None);
    assert_eq!(said.status.code(), Some(1));
    for table in ["aws_iam_users", "okta_users"] {
        let line = format!("partial: {table}: AccessDenied in call for ");
        assert!(stderr(&said).contains(&line), "{}", stderr(&said));
    }
    let tables = json_of(&path)["tables"].clone();
    assert!(tables["aws_iam_users"].is_array() && tables["okta_users"].is_null());
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!folder.join("out.json.writing").exists());
    ok(
        folder,
        "snapshots export --allow-partial --out out.json",
        None,
    );
    let nowhere = run(folder, "snapshots export --out no/out.json", None);
    assert_eq!(nowhere.status.code(), Some(1), "{}", stderr(&nowhere));
}

/// Failed snapshots must not displace usable ones.
#[test]
fn snapshots_that_failed_do_not_count_as_those_that_are_kept() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let ids: Vec<String> = (11..=16)
        .map(|day| keep(folder, &format!("2026-11-{day}T00:00:00Z"), |_| {}))
        .collect();
    for failed in [1, 3, 4, 5] {
        fail(folder, &ids[failed], "aws_organizations_accounts", None);
    }
    let kept = || -> Vec<String> {
        let listed = ok(folder, "snapshots list", None);
        let rows = listed.lines().map(|it| {
            let row: Value = serde_json::from_str(it).unwrap();
            row["id"].as_str().unwrap().to_owned()
        });
        rows.collect()
    };
    ok(folder, "snapshots prune --keep 2 --yes", None);
    let of =
        |places: &[usize]| -> Vec<String> { places.iter().map(|it| ids[*it].clone()).collect() };
    assert_eq!(kept(), of(&[0, 2, 4, 5]));
    ok(folder, "snapshots prune --keep 1 --yes", None);
    assert_eq!(kept(), of(&[2, 5]));
    ok(folder, "snapshots prune --keep 0 --yes", None);
    assert!(kept().is_empty());
}

#[test]
fn what_stopped_runs_have_left_is_swept_once_it_is_old() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    keep(folder, "2026-11-18T00:00:00Z", |_| {});
    let before = files(&folder.join("snapshots"));
    let stopped = keep(folder, "2026-11-19T00:00:00Z", |_| {});
    fs::remove_file(manifest(folder, &stopped)).unwrap();
    let writing = folder.join(format!("snapshots/_writing/{stopped}"));
    fs::create_dir_all(&writing).unwrap();
    fs::write(writing.join("okta_users.parquet"), "half").unwrap();
    fs::write(folder.join("snapshots/notes.txt"), "mine").unwrap();
    let left = files(&folder.join("snapshots"));
    ok(folder, "snapshots prune --keep 5", None);
    assert_eq!(files(&folder.join("snapshots")), left);
    let swept = run(folder, "snapshots prune --keep 5 --unfinished 0s", None);
    assert!(swept.status.success(), "{}", stderr(&swept));
    let said = format!("removed 4 files of {stopped}, which was never finished\n");
    assert_eq!(stderr(&swept), said);
    fs::remove_file(folder.join("snapshots/notes.txt")).unwrap();
    assert_eq!(files(&folder.join("snapshots")), before);
    assert!(!writing.exists());
}

#[test]
fn what_is_no_place_or_no_address_is_said_before_anything_is_done() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    keep(folder, "2026-11-18T00:00:00Z", |_| {});
    for (arguments, exit, said) in [
        ("snapshots list --snapshots s3://x", 2, "s3://bucket/prefix"),
        ("snapshots export --to mysql://u@h/x", 2, "postgres://"),
        (
            "snapshots export --to postgres://u:secret@h/x?sslmode=prefer",
            2,
            "sslmode=verify-full",
        ),
        (
            "snapshots export --to postgres://u@h/x --tables nothing",
            2,
            "nearest",
        ),
        (
            "snapshots export --to postgres://u@h/x --tables aws_iam_roles",
            2,
            "E_NOT_SYNCED",
        ),
        ("snapshots export --tables okta_users", 2, "--to"),
        (
            "snapshots export --to postgres://u:secret@127.0.0.1:1/x",
            1,
            "127.0.0.1:1/x",
        ),
    ] {
        let output = run(folder, arguments, None);
        let words = stderr(&output);
        assert_eq!(output.status.code(), Some(exit), "{arguments}: {words}");
        assert!(
            words.contains(said) && !words.contains("secret"),
            "{arguments}: {words}"
        );
        assert!(output.stdout.is_empty(), "{arguments}");
    }
}
