use std::path::Path;

use serde_json::Value;

use crate::{json_of, lostkeys, run, stderr, stdout};

fn sorted(rows: &[Value], ordered: bool) -> Vec<String> {
    let mut texts: Vec<String> = rows.iter().map(ToString::to_string).collect();
    if !ordered {
        texts.sort();
    }
    texts
}

fn answers_are_right(folder: &Path, dataset: &str) {
    let fixture = json_of(&lostkeys());
    for query in fixture["queries"].as_array().unwrap() {
        let (name, sql) = (
            query["name"].as_str().unwrap(),
            query["sql"].as_str().unwrap(),
        );
        let output = run(folder, &format!("query {dataset} --output json"), Some(sql));
        assert!(output.status.success(), "{name}: {}", stderr(&output));
        let found: Value = serde_json::from_str(&stdout(&output)).unwrap();
        let ordered = query["ordered"].as_bool().unwrap();
        assert_eq!(
            sorted(found.as_array().unwrap(), ordered),
            sorted(query["rows"].as_array().unwrap(), ordered),
            "{name}"
        );
        assert_eq!(
            query["row_count"],
            found.as_array().unwrap().len(),
            "{name}"
        );
    }
}

#[test]
fn over_the_document_and_over_a_snapshot_of_it() {
    let folder = tempfile::tempdir().unwrap();
    answers_are_right(folder.path(), &format!("--data {}", lostkeys().display()));
    let kept = run(folder.path(), "snapshots import", lostkeys().to_str());
    assert!(kept.status.success(), "{}", stderr(&kept));
    answers_are_right(folder.path(), "--as-of 2026-11-20T00:00:00Z");
}

#[test]
fn the_shipped_ones_are_word_for_word() {
    let fixture = json_of(&lostkeys());
    for (saved, sql) in [
        (
            include_str!("../../src/saved/seed/old-keys.sql"),
            &fixture["queries"][0]["sql"],
        ),
        (
            include_str!("../../src/saved/seed/not-in-okta.sql"),
            &fixture["queries"][1]["sql"],
        ),
    ] {
        assert_eq!(saved, sql.as_str().unwrap());
    }
}
