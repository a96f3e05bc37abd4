//! Exit codes of usage as a table; help; completions and the manual.

use crate::run::{hallpass, run, run_args};

const ID: &str = "req_01934a5b6c7d7e8f90123456789abcde";

const USAGE: &[(i32, &[&str])] = &[
    (0, &[]),
    (0, &["--help"]),
    (0, &["--version"]),
    (0, &["help"]),
    (0, &["request", "--help"]),
    (2, &["nonsense"]),
    (2, &["request"]),
    (
        2,
        &["request", "--account", "a", "--for", "1h", "--reason", "x"],
    ),
    (
        2,
        &[
            "request",
            "--group",
            "g",
            "--account",
            "a",
            "--permission-set",
            "p",
        ],
    ),
    (
        2,
        &["request", "--group", "g", "--for", "soon", "--reason", "x"],
    ),
    (
        2,
        &[
            "request",
            "--group",
            "g",
            "--for",
            "1h",
            "--reason",
            "x",
            "--timeout",
            "1m",
        ],
    ),
    (2, &["approve"]),
    (2, &["approve", "req_1"]),
    (2, &["release", "x"]),
    (2, &["revoke", "--reason", "x"]),
    (2, &["revoke", "--all"]),
    (2, &["revoke", ID, "--all", "--reason", "x"]),
    (2, &["requests", "--state", "open"]),
    (2, &["requests", "--output", "xml"]),
    (2, &["whoami", "--server", "ftp://x"]),
    (2, &["server", "doctor", "--fail-on-findings"]),
    (2, &["server", "sweep", "show", "--fail-on-findings"]),
    (2, &["rules"]),
    (2, &["rules", "check"]),
    (2, &["rules", "check", "/nonexistent/rules.toml"]),
    (
        2,
        &["rules", "decide", "--cases", "/nonexistent/cases.jsonl"],
    ),
    (2, &["audit", "verify", "--config", "/nonexistent/x.toml"]),
    (
        2,
        &["sim", "--organization", "/nonexistent/organization.json"],
    ),
    (2, &["sim", "--behaviour", "x"]),
    (1, &["whoami", "--server", "http://127.0.0.1:1"]),
    (1, &["approve", ID, "--server", "http://127.0.0.1:1"]),
];

#[test]
fn exit_codes_of_usage() {
    let mut wrong = Vec::new();
    for (code, args) in USAGE {
        let ran = run_args(*args);
        if ran.code != *code {
            wrong.push(format!(
                "{args:?}: {} instead of {code}\n{}",
                ran.code, ran.err
            ));
        }
        let to_stdout = ran.code == 0;
        if ran.out.is_empty() == to_stdout || ran.err.is_empty() != to_stdout {
            wrong.push(format!("{args:?}: printed to the wrong place"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A missing configuration creates no files: no server would use them.
#[test]
fn without_a_configuration_no_database_and_no_key_is_made() {
    for words in [
        &["server", "token", "create", "--user", "ana@acme.example"][..],
        &["server", "token", "list"],
        &["server", "store", "check"],
        &["audit", "key"],
        &["audit", "key", "--heads"],
        &["audit", "key", "--new"],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let ran = run(hallpass().current_dir(folder.path()).args(words)).exits(2);
        assert!(
            ran.err.contains("there is no configuration file") && ran.err.contains("--config"),
            "{words:?}: {}",
            ran.err
        );
        let made = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(made, 0, "{words:?}");
    }
}

fn commands(help: &str) -> Vec<String> {
    // under `Commands:`, or other group titles
    help.lines()
        .skip_while(|line| !line.starts_with("Usage:"))
        .take_while(|line| *line != "Options:")
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

fn has_companion() -> bool {
    let own = std::path::Path::new(env!("CARGO_BIN_EXE_hallpass"));
    own.with_file_name("hallpass-query").exists()
}

#[test]
fn every_command_has_a_short_first_line_and_an_example() {
    let unlisted =
        ["logout", "whoami", "sim", "sync", "completions", "man"].map(|it| vec![it.to_owned()]);
    let mut waiting: Vec<Vec<String>> = unlisted.to_vec();
    waiting.push(Vec::new());
    // the companion prints the help of `query`
    for below in ["snapshots", "tables", "alerts", "sync"] {
        waiting.push(vec!["query".to_owned(), below.to_owned()]);
    }
    let (mut seen, mut wrong) = (0, Vec::new());
    while let Some(path) = waiting.pop() {
        let is_of_companion = match path.as_slice() {
            [first] => ["query", "who"].contains(&first.as_str()),
            [first, second, ..] => {
                first == "query" && !["alerts", "sync"].contains(&second.as_str())
            }
            [] => false,
        };
        if is_of_companion && !has_companion() {
            continue;
        }
        let help = run_args(path.iter().map(String::as_str).chain(["--help"])).exits(0);
        let first = help.out.lines().next().unwrap_or_default().to_owned();
        if first.is_empty() || first.chars().count() >= 80 {
            wrong.push(format!("{path:?}: first line {first:?}"));
        }
        if !help.out.contains("Example") {
            wrong.push(format!("{path:?}: no example"));
        }
        for below in commands(&help.out) {
            waiting.push(path.iter().cloned().chain([below]).collect());
        }
        seen += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 20, "only {seen} commands were seen");
}

#[test]
fn completions_and_manual_are_made_from_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = run_args(["completions", shell]).exits(0);
        assert!(ran.out.contains("to-review"), "{shell}");
        assert!(ran.out.contains("accept-drift"), "{shell}");
        assert!(ran.out.contains("unlock"), "{shell}");
    }
    let ran = run_args(["man"]).exits(0);
    assert!(ran.out.contains(".TH"), "{}", ran.out);
    let folder = tempfile::tempdir().unwrap();
    run_args(["man", "--dir", folder.path().to_str().unwrap()]).exits(0);
    for page in [
        "hallpass.1",
        "hallpass-request.1",
        "hallpass-org-plan-undo.1",
    ] {
        let text = std::fs::read_to_string(folder.path().join(page)).unwrap();
        assert!(text.contains("Example"), "{page}");
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_run_quietly() {
    use std::process::Stdio;
    let mut child = hallpass()
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.stderr.is_empty());
}
