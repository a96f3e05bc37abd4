#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop at any point"
)]

mod alerts;
mod answers;
mod article;
mod dialect;
mod limits;
mod saved;
mod saved_assignments;
mod seal;
mod snapshots;
mod who;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn lostkeys() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/spec/fixtures/inventory-lostkeys.json")
}

fn json_of(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn run(folder: &Path, arguments: &str, last: Option<&str>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hallpass-query"))
        .args(arguments.split_whitespace())
        .args(last)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn rows(sql: &str) -> Result<Vec<Value>, String> {
    let data = format!("query --data {}", lostkeys().display());
    let output = run(Path::new("."), &data, Some(sql));
    if !output.status.success() {
        return Err(stderr(&output));
    }
    Ok(stdout(&output)
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect())
}

fn check(table: &[(impl AsRef<str>, &str)]) {
    let mut wrong = Vec::new();
    for (sql, expected) in table {
        let sql = sql.as_ref();
        let expected: Value = serde_json::from_str(expected).unwrap();
        let found = rows(sql).map(|rows| {
            let values = rows.into_iter().map(|row| match row {
                Value::Object(members) => members.into_iter().map(|(_, it)| it).collect(),
                other => other,
            });
            Value::Array(values.collect())
        });
        match found {
            Ok(found) if found == expected => {}
            Ok(found) => wrong.push(format!("{sql}\n  expected {expected}\n  found    {found}")),
            Err(said) => wrong.push(format!("{sql}\n  expected {expected}\n  said {said}")),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        table.len(),
        wrong.join("\n")
    );
}
