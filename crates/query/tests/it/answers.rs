//! Output of answers (`inventory.md` C-3, C-5, U-8).

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::{lostkeys, run, stderr, stdout};

const SQL: &str = "SELECT user_name, tags, password_enabled, password_last_used, length(arn) AS n \
                   FROM aws_iam_users WHERE user_name IN ('ana', 'eli') ORDER BY 1";

fn printed(flags: &str, sql: &str) -> String {
    let output = run(
        Path::new("."),
        &format!("query --data {} {flags}", lostkeys().display()),
        Some(sql),
    );
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output)
}

#[test]
fn each_form_has_its_types() {
    assert_eq!(
        printed("-o jsonl", SQL),
        "{\"user_name\":\"ana\",\"tags\":{\"email\":\"ana@example.test\"},\"password_enabled\":true,\
         \"password_last_used\":\"2026-11-01T10:00:00Z\",\"n\":34}\n\
         {\"user_name\":\"eli\",\"tags\":null,\"password_enabled\":true,\"password_last_used\":null,\"n\":34}\n"
    );
    assert_eq!(
        printed("-o csv", SQL),
        "user_name,tags,password_enabled,password_last_used,n\n\
         ana,\"{\"\"email\"\":\"\"ana@example.test\"\"}\",true,2026-11-01T10:00:00Z,34\n\
         eli,,true,,34\n"
    );
    assert!(printed("-o table", SQL).ends_with("(2 rows)\n"));
    let json: Value = serde_json::from_str(&printed("-o json", SQL)).unwrap();
    assert_eq!(json[0]["tags"]["email"], "ana@example.test");
    assert_eq!(printed("-o json", "SELECT 1 WHERE false"), "[]\n");
    assert_eq!(printed("-o csv", "SELECT 1 AS x WHERE false"), "x\n");
}

#[test]
fn hostile_text_steers_nothing() {
    let sql = "SELECT 'a' || chr(27) || '[2J' AS x, '=1+1' AS f, 'two\nlines, \"quoted\"' AS q";
    let table = printed("-o table", sql);
    assert!(
        table.contains("a\\u{1b}[2J") && !table.contains('\u{1b}'),
        "{table}"
    );
    let json = printed("-o jsonl", sql);
    assert!(json.is_ascii() && !json.contains('\u{1b}'), "{json}");
    assert_eq!(
        serde_json::from_str::<Value>(&json).unwrap()["x"],
        "a\u{1b}[2J"
    );
    assert!(printed("-o csv", sql).ends_with("[2J,=1+1,\"two\nlines, \"\"quoted\"\"\"\n"));
    assert!(printed("-o csv --spreadsheet-safe", sql).contains(",\"'=1+1\","));
}

#[test]
fn statements_come_from_files_and_parameters_are_values() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("q.sql"),
        "SELECT user_name FROM aws_iam_users WHERE user_name = $who",
    )
    .unwrap();
    let data = format!("query --data {} -f q.sql", lostkeys().display());
    let one = run(folder.path(), &format!("{data} --param who=ana"), None);
    assert_eq!(stdout(&one), "{\"user_name\":\"ana\"}\n");
    let hostile = run(folder.path(), &data, Some("--param=who=x' OR '1' = '1"));
    assert!(hostile.status.success(), "{}", stderr(&hostile));
    assert_eq!(stdout(&hostile), "");
}

#[test]
fn a_parquet_answer_is_a_parquet_file_and_explaining_answers_nothing() {
    let output = run(
        Path::new("."),
        &format!("query --data {} -o parquet", lostkeys().display()),
        Some(SQL),
    );
    assert!(output.status.success());
    assert!(output.stdout.starts_with(b"PAR1") && output.stdout.ends_with(b"PAR1"));
    let plan = printed("--explain", SQL);
    assert!(
        plan.contains("TableScan: aws_iam_users") && !plan.contains("ana@example.test"),
        "{plan}"
    );
}

#[test]
fn as_of_moves_now_and_nothing_else_does() {
    let sql = "SELECT now() AS n, current_date AS d";
    assert_eq!(
        printed("", sql),
        "{\"n\":\"2026-11-20T00:00:00Z\",\"d\":\"2026-11-20\"}\n"
    );
    assert_eq!(
        printed("--as-of 2027-01-02T03:04:05Z", sql),
        "{\"n\":\"2027-01-02T03:04:05Z\",\"d\":\"2027-01-02\"}\n"
    );
}
