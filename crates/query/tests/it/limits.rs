//! Limits: passing one is an error, never an answer that is cut off (`inventory.md` U-6).

use std::path::Path;

use crate::{lostkeys, run, stderr, stdout};

#[test]
fn passing_a_limit_prints_nothing_and_is_exit_4() {
    let data = format!("query --data {}", lostkeys().display());
    let endless = "SELECT count(*) FROM generate_series(1, 1000000) a(x), generate_series(1, 1000000) b(y) WHERE x + y < 0";
    let large = "SELECT string_agg(repeat('x', 1000), ',') FROM generate_series(1, 100000) a(x)";
    for (flags, sql, code) in [
        ("--max-rows 12", "SELECT * FROM aws_iam_users", "E_SQL_ROWS"),
        ("--max-rows 0", "SELECT 1", "E_SQL_ROWS"),
        ("--timeout 1s", endless, "E_SQL_TIMEOUT"),
        (
            "--timeout 1s",
            "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t",
            "E_SQL_TIMEOUT",
        ),
        (
            "--timeout 1s",
            "SELECT count(*) FROM generate_series(1, 100000000000)",
            "E_SQL_TIMEOUT",
        ),
        // made by a function, also while it is planned: the engine does not count it
        (
            "--memory 64",
            "SELECT length(repeat('x', 2000000000))",
            "E_SQL_MEMORY",
        ),
        (
            "--memory 64 --explain",
            "SELECT length(repeat('x', 2000000000))",
            "E_SQL_MEMORY",
        ),
        ("--max-memory 16", large, "E_SQL_MEMORY"),
        (
            "--max-memory 1",
            "SELECT x, count(*) FROM generate_series(1, 1000000) a(x) GROUP BY x",
            "E_SQL_MEMORY",
        ),
    ] {
        let output = run(Path::new("."), &format!("{data} {flags}"), Some(sql));
        assert_eq!(output.status.code(), Some(4), "{sql}: {}", stderr(&output));
        assert!(
            stderr(&output).starts_with(&format!("error[{code}]")),
            "{sql}: {}",
            stderr(&output)
        );
        assert_eq!(stdout(&output), "", "{sql}");
    }
    let within = run(
        Path::new("."),
        &format!("{data} --max-rows 13"),
        Some("SELECT * FROM aws_iam_users"),
    );
    assert_eq!(stdout(&within).lines().count(), 13);
}

#[test]
fn the_same_rows_come_in_the_same_order_every_time() {
    let data = format!("query --data {}", lostkeys().display());
    let sql = "SELECT a.arn, k.access_key_id, count(*) FROM aws_iam_users a JOIN aws_iam_user_access_keys k ON a.cq_id = k.user_cq_id JOIN okta_users o ON o.status <> k.status GROUP BY 1, 2";
    let first = stdout(&run(Path::new("."), &data, Some(sql)));
    assert_eq!(first.lines().count(), 13);
    for _ in 0..4 {
        assert_eq!(stdout(&run(Path::new("."), &data, Some(sql))), first);
    }
}

#[test]
fn explain_answers_the_plan_as_rows() {
    let data = format!("query --data {}", lostkeys().display());
    let sql = "EXPLAIN SELECT arn FROM aws_iam_users WHERE arn LIKE '%x'";
    let plan = run(Path::new("."), &format!("{data} --output jsonl"), Some(sql));
    assert_eq!(plan.status.code(), Some(0), "{}", stderr(&plan));
    let lines = stdout(&plan);
    assert!(
        lines.starts_with("{\"query_plan\":"),
        "a row a line: {lines}"
    );
    assert!(lines.contains("aws_iam_users"), "{lines}");
    let endless = "EXPLAIN SELECT count(*) FROM generate_series(1, 100000000000)";
    let plan = run(Path::new("."), &data, Some(endless));
    assert_eq!(plan.status.code(), Some(0), "{}", stderr(&plan));
}
