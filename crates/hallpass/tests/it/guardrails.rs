//! `perimeter`, `outage generate` and `vpn policy`: output and refusals.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::run::{Ran, hallpass, run_args, run_with};

const GUIDE: &str = include_str!("../../../../docs/how-to/data-perimeter.md");

fn pasted() -> Vec<&'static str> {
    let blocks = GUIDE.split("```sh\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap())
        .collect()
}

#[test]
fn the_walk_of_the_guide_works_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_hallpass")).parent().unwrap();
    let path = format!(
        "{}:{}",
        program.display(),
        std::env::var("PATH").unwrap_or_default()
    );
    // the first check must fail, the rest pass; one block at a time, like a user
    let script = pasted().into_iter().fold(String::new(), |script, block| {
        script + block + "\necho \"block exits $?\"\n"
    });
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder.path())
        .env("PATH", path)
        .env("HOME", "/nonexistent")
        .output()
        .unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    let exits: Vec<&str> = out
        .lines()
        .filter_map(|line| line.strip_prefix("block exits "))
        .collect();
    assert_eq!(exits, ["0", "0", "1", "0", "0"], "{out}\n{err}");
    // all output lines of the guide appear
    for block in GUIDE.split("```text\n").skip(1) {
        for line in block.split("```").next().unwrap().lines() {
            let said = out
                .lines()
                .chain(err.lines())
                .any(|it| it.trim_end() == line);
            assert!(said, "not said: {line}\n{out}\n{err}");
        }
    }
}

const DRILL: [&str; 9] = [
    "org",
    "outage",
    "generate",
    "--services",
    "iam,route53",
    "--start",
    "2199-03-02T10:00:00Z",
    "--end",
    "2199-03-02T12:00:00Z",
];

fn drill(more: &[&str]) -> Ran {
    run_args(DRILL.iter().chain(more).copied())
}

#[test]
fn policies_are_one_line_and_warnings_go_elsewhere() {
    let ran = drill(&["--region", "us-east-1", "--no-exempt"]).exits(0);
    assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
    assert!(
        ran.err.contains("warning: SCPs do not touch"),
        "{}",
        ran.err
    );
    let pretty = drill(&["--region", "us-east-1", "--no-exempt", "--pretty"]).exits(0);
    assert!(pretty.out.starts_with("{\n  \"Version\": \"2012-10-17\""));
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(value(&ran.out), value(&pretty.out));
}

/// Flags and exit codes. `DRILL` stands for a valid drill's flags, `DRILL-TO` for the same up to
/// its end.
const REFUSALS: [(&str, &str); 9] = [
    ("DRILL --region eu-west-1 --no-exempt", "E_GLOBAL_REGION"),
    ("DRILL --region us-east-1", "E_ARG"),
    (
        "DRILL-TO 2199-03-03T10:00:01Z --region us-east-1 --no-exempt",
        "E_WINDOW",
    ),
    (
        "DRILL-TO 2199-03-02T12:00 --region us-east-1 --no-exempt",
        "E_TIME",
    ),
    (
        "policy perimeter generate --scope org --id o-ab12cd34ef --side identity --as scp",
        "E_SIDE_TYPE",
    ),
    (
        "policy perimeter generate --scope org --id o-ab12cd34ef --side identity --as rcp \
         --actions ec2:*",
        "E_RCP_SERVICE",
    ),
    (
        "policy perimeter generate --side resource --as scp --scope ou --id o-ab12cd34ef/r-ab12",
        "E_PATH_SLASH",
    ),
    ("policy vpn policy --form scp --nat-ip 192.168.1.1", "E_ARG"),
    (
        "policy vpn policy --form scp --nat-ip 3.120.10.5 \
         --exempt-role arn:aws:iam::*:role/service-role/*",
        "E_ARN",
    ),
];

#[test]
fn refusals_have_a_code_and_print_nothing() {
    for (flags, code) in REFUSALS {
        let drill = DRILL.join(" ");
        let start = DRILL[..8].join(" ");
        let flags = flags.replace("DRILL-TO", &start).replace("DRILL", &drill);
        let args: Vec<&str> = flags.split_whitespace().collect();
        let ran = run_args(args.iter().copied()).exits(2);
        assert_eq!(ran.out, "", "{args:?}");
        assert!(
            ran.err.starts_with(&format!("error[{code}]: ")),
            "{args:?}: {}",
            ran.err
        );
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
        let ran = run_args(args.iter().copied().chain(["--output", "json"])).exits(2);
        let error: Value = serde_json::from_str(&ran.err).unwrap();
        assert_eq!(error["error"]["code"], code, "{args:?}");
        assert!(error["error"]["pointer"].is_string() && error["error"]["message"].is_string());
    }
}

#[test]
fn a_policy_comes_from_a_pipe_and_stands_beside_those_of_the_case() {
    let folder = tempfile::tempdir().unwrap();
    let cases = folder.path().join("cases.jsonl");
    let case = r#"{"id":"1","principal":"arn:aws:iam::222222222222:user/mara",
        "action":"s3:GetObject","resource":"arn:aws:s3:::b/k","resourceAccount":"222222222222",
        "context":{"aws:PrincipalOrgID":"o-b"},"expected":"ExplicitlyDenied",
        "resourcePolicy":{"Version":"2012-10-17","Statement":[{"Sid":"Own","Effect":"Allow",
        "Principal":"*","Action":"s3:*","Resource":"*"}]}}"#;
    // Windows programs write a byte order mark
    let text = format!("\u{feff}{}\nnonsense\n", case.replace('\n', ""));
    std::fs::write(&cases, text).unwrap();
    let policy = run_args([
        "policy",
        "perimeter",
        "generate",
        "--side",
        "identity",
        "--scope",
        "org",
        "--id",
        "o-ab12cd34ef",
        "--as",
        "resource-policy",
    ])
    .exits(0)
    .out;
    for place in ["resource-policy", "rcp"] {
        let mut command = hallpass();
        command.args([
            "policy",
            "perimeter",
            "check",
            "-",
            "--expect",
            "--explain",
            "--as",
            place,
        ]);
        command.arg("--cases").arg(&cases);
        let answers = run_with(&mut command, policy.as_bytes()).exits(1).lines();
        assert_eq!(answers[0]["decision"], "ExplicitlyDenied", "{}", answers[0]);
        assert_eq!(answers[0]["decidedBy"]["sid"], "DenyOutsideBoundary");
        assert_eq!(answers[1]["error"]["code"], "E_JSON");
        assert_eq!(answers[1]["line"], 2);
    }
}

/// Assigning checks an account, an instance and a permission set: one alone decides nothing.
#[test]
fn a_call_is_not_judged_by_one_of_its_resources() {
    let account = "arn:aws:sso:::account/111122223333";
    for (command, action, code) in [
        ("eval", "sso:CreateAccountAssignment", 2),
        ("why", "sso:CreateAccountAssignment", 2),
        ("eval", "s3:GetObject", 1),
    ] {
        run_args([
            "policy",
            command,
            "--principal",
            "arn:aws:iam::111122223333:user/mara",
            "--action",
            action,
            "--resource",
            account,
        ])
        .exits(code);
    }
}
