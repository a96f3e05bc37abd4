//! Differences between two snapshots (`inventory.md` T-7).

use hallpass_inventory::{Cell, Snapshot, TableRow, diff, import, table};
use serde_json::json;

use crate::coverage::{failed, ok, record};

/// IAM users as `account/name path`.
fn users(began: &str, slices: &[(&str, bool)], users: &[&str]) -> Snapshot {
    let name = "aws_iam_users";
    let rows = users.iter().map(|text| {
        let (user, path) = text.split_once(' ').unwrap();
        let (account, name) = user.split_once('/').unwrap();
        let arn = format!("arn:aws:iam::{account}:user/{name}");
        json!({"account_id": account, "arn": arn, "user_name": name, "path": path})
    });
    let document = json!({"tables": {name: rows.collect::<Vec<_>>()}});
    let slices = slices.iter().map(|(account, is_ok)| {
        (
            name,
            *account,
            if *is_ok {
                ok(0)
            } else {
                failed("AccessDenied")
            },
        )
    });
    Snapshot {
        record: record(began, &slices.collect::<Vec<_>>()),
        rows: import(&document).unwrap().rows,
    }
}

fn names(rows: &[&TableRow]) -> Vec<String> {
    let (index, _) = table("aws_iam_users").unwrap().column("user_name").unwrap();
    let mut names: Vec<_> = rows
        .iter()
        .filter_map(|row| row.get(index).and_then(Cell::as_text).map(str::to_owned))
        .collect();
    names.sort();
    names
}

#[test]
fn gone_is_only_what_a_list_read_to_its_end_does_not_have() {
    let before = users(
        "2026-11-19T00:00:00Z",
        &[("1", true), ("2", true), ("3", false), ("4", true)],
        &["1/ana /", "1/ben /", "2/cho /", "4/dia /"],
    );
    let after = users(
        "2026-11-20T00:00:00Z",
        &[("1", true), ("2", false), ("3", true)],
        &["1/ben /moved/", "1/eli /", "3/fay /"],
    );
    let changes = diff(table("aws_iam_users").unwrap(), &before, &after);
    assert_eq!(names(&changes.removed), ["ana"]);
    assert_eq!(names(&changes.added), ["eli"]);
    let moved: Vec<_> = changes.changed.iter().map(|(before, _)| *before).collect();
    assert_eq!(names(&moved), ["ben"]);
    // a failed slice, one that failed earlier, and an account no longer collected
    assert_eq!(names(&changes.unknown), ["cho", "dia", "fay"]);
}

#[test]
fn a_table_that_is_one_slice_is_known_as_a_whole() {
    let before = users(
        "2026-11-19T00:00:00Z",
        &[("*", true)],
        &["1/ana /", "2/ben /"],
    );
    let after = users("2026-11-20T00:00:00Z", &[("*", true)], &["2/ben /"]);
    let changes = diff(table("aws_iam_users").unwrap(), &before, &after);
    assert_eq!(names(&changes.removed), ["ana"]);
    assert!(changes.unknown.is_empty() && changes.added.is_empty());
    let partial = users("2026-11-21T00:00:00Z", &[("*", false)], &[]);
    let changes = diff(table("aws_iam_users").unwrap(), &after, &partial);
    assert_eq!(
        (names(&changes.removed).len(), names(&changes.unknown).len()),
        (0, 1)
    );
}
