//! Exceeding a limit is an error, never a truncated answer (`inventory.md` U-6).

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

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
        // values from functions, also during planning: the engine does not count them
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
fn an_interrupt_ends_an_endless_query_within_a_second() {
    let sql = "SELECT count(*) FROM generate_series(1, 1000000) a(x), generate_series(1, 1000000) b(y) WHERE x + y < 0";
    // works even if the test runner ignores interrupts, as shells do for background jobs
    let mut asked = Command::new("env")
        .args(["--default-signal=INT", env!("CARGO_BIN_EXE_hallpass-query")])
        .args(["query", "--timeout", "10m", "--data"])
        .args([lostkeys().as_os_str(), sql.as_ref()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let own = PathBuf::from(format!("/proc/{}", asked.id()));
    let ticks = || {
        let stat = fs::read_to_string(own.join("stat")).unwrap();
        let (_, fields) = stat.rsplit_once(')').unwrap();
        fields.split_whitespace().nth(11).unwrap().parse::<u64>()
    };
    // more than a second of CPU time; opening the document takes a tenth
    while ticks().unwrap() < 100 {
        assert!(
            asked.try_wait().unwrap().is_none(),
            "it ended before the kill"
        );
        std::thread::yield_now();
    }
    let sent = Instant::now();
    let mut kill = Command::new("kill");
    kill.args(["-INT", &asked.id().to_string()]);
    assert!(kill.status().unwrap().success());
    let ended = asked.wait_with_output().unwrap();
    let after = sent.elapsed();
    assert!(after < Duration::from_secs(1), "{after:?}");
    assert_eq!(ended.status.signal(), Some(2), "{}", stderr(&ended));
    assert_eq!(
        (stdout(&ended), stderr(&ended)),
        (String::new(), String::new())
    );
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
