//! `policy lint` and `policy size`: inputs, output formats, repairs, exit codes.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::run::{Ran, hallpass, run, run_with};

const CLEAN: &str = r#"{"Version": "2012-10-17", "Statement": [
  {"Sid": "A", "Effect": "Deny", "Action": "organizations:LeaveOrganization", "Resource": "*"}
]}"#;
const BAD_SID: &str = r#"{"Version": "2012-10-17", "Statement": [
  {"Sid": " A", "Effect": "Deny", "Action": "organizations:LeaveOrganization", "Resource": "*"}
]}"#;

fn lint(folder: &Path, args: &[&str]) -> Ran {
    run(hallpass()
        .current_dir(folder)
        .args(["policy", "lint"])
        .args(args))
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

#[test]
fn what_cannot_be_read_is_bad_input_and_says_nothing_on_stdout() {
    let folder = folder(&[("policy.json", CLEAN)]);
    for args in [
        &["policy.json"][..],
        &["--type", "scp", "missing.json"],
        &["--type", "nothing", "policy.json"],
        &["--type", "scp", "--disable", "SID_INVALD", "policy.json"],
        &["--type", "scp", "--waive", "SID_INVALID", "policy.json"],
        &["--type", "scp", "--tree", "policy.json", "policy.json"],
    ] {
        let ran = lint(folder.path(), args).exits(2);
        assert_eq!(ran.out, "", "{args:?}");
        assert!(!ran.err.is_empty());
    }
    let ran = lint(folder.path(), &["policy.json", "--output", "json"]).exits(2);
    let error: Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!(error["error"]["code"], "E_TYPE");
    let ran = lint(folder.path(), &["policy.json"]);
    assert!(ran.err.contains("error[E_TYPE]"), "{}", ran.err);
    let ran = lint(
        folder.path(),
        &["--type", "scp", "--disable", "SID_INVALD", "policy.json"],
    );
    assert!(ran.err.contains("did you mean SID_INVALID?"), "{}", ran.err);
}

#[test]
fn people_read_places_and_remedies() {
    let folder = folder(&[("a.scp.json", BAD_SID)]);
    let ran = lint(folder.path(), &["a.scp.json", "--output", "table"]).exits(1);
    assert_eq!(
        ran.out,
        "a.scp.json:2:11: error[SID_INVALID]  A: a Sid is letters and digits, without blanks or \
         signs: `A`\n  fix: `--fix` repairs it\n1 file: 1 error, 0 warnings, 0 info\n"
    );
}

#[test]
fn scripts_read_json_and_code_scanning_reads_sarif() {
    let folder = folder(&[("a.scp.json", BAD_SID)]);
    let ran = lint(folder.path(), &["a.scp.json", "--output", "json"]).exits(1);
    let found: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        found,
        json!([{
            "file": "a.scp.json", "line": 2, "column": 11,
            "code": "SID_INVALID", "severity": "error",
            "pointer": "/Statement/0/Sid", "sid": " A",
            "message": "a Sid is letters and digits, without blanks or signs: `A`",
            "fix": [{"op": "replace", "path": "/Statement/0/Sid", "value": "A"}],
        }])
    );
    let ran = lint(folder.path(), &["a.scp.json", "--output", "sarif"]).exits(1);
    let log: Value = serde_json::from_str(&ran.out).unwrap();
    let result = &log["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "SID_INVALID");
    assert_eq!(
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
        "a.scp.json"
    );
    let ran = lint(folder.path(), &["--codes", "--output", "json"]).exits(0);
    let codes: Value = serde_json::from_str(&ran.out).unwrap();
    assert!(codes.as_array().unwrap().len() > 70);
}

#[test]
fn repairs_are_written_and_the_rest_is_told() {
    let folder = folder(&[("a.scp.json", BAD_SID)]);
    let ran = lint(folder.path(), &["a.scp.json", "--fix"]).exits(0);
    assert!(ran.err.contains("1 repair made"), "{}", ran.err);
    let path = folder.path().join("a.scp.json");
    assert_eq!(fs::read_to_string(&path).unwrap(), CLEAN);
    let before = fs::metadata(&path).unwrap().modified().unwrap();
    lint(folder.path(), &["a.scp.json", "--fix"]).exits(0);
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
    let stdin = run_with(
        hallpass().args(["policy", "lint", "--type", "scp", "--fix", "-"]),
        BAD_SID.as_bytes(),
    );
    stdin.exits(2);
}

#[test]
fn what_is_no_policy_is_never_repaired() {
    let template = r#"{"Resources": {"Statement": []}}"#;
    let folder = folder(&[("a.scp.json", template), ("identity/b.json", "[1]")]);
    lint(folder.path(), &["a.scp.json", "identity", "--fix"]).exits(1);
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("a.scp.json"), template);
    assert_eq!(read("identity/b.json"), "[1]");
}

#[test]
fn a_folder_without_a_policy_is_bad_input() {
    let folder = folder(&[("a/package.json", r#"{"name": "x"}"#), ("b/readme.md", "-")]);
    for name in ["a", "b"] {
        let ran = lint(folder.path(), &[name]).exits(2);
        assert_eq!(ran.out, "");
        assert!(ran.err.contains("error[E_NO_POLICY]"), "{}", ran.err);
    }
    let ran = lint(folder.path(), &["a"]);
    assert!(
        ran.err.contains("`a/package.json` is no policy"),
        "{}",
        ran.err
    );
}

#[test]
fn one_bad_file_hides_no_finding() {
    let folder = folder(&[
        ("p/bad.scp.json", BAD_SID),
        ("p/package.json", r#"{"name": "x"}"#),
        ("p/unknown.json", CLEAN),
        ("p/z.scp.json", BAD_SID),
    ]);
    let ran = lint(folder.path(), &["p"]).exits(2);
    assert_eq!(ran.lines().len(), 2, "{}", ran.out);
    assert!(ran.err.contains("error[E_TYPE]"), "{}", ran.err);
    assert!(ran.err.contains("p/unknown.json"), "{}", ran.err);
    let ran = lint(folder.path(), &["p/bad.scp.json", "missing.scp.json"]).exits(2);
    assert_eq!(ran.lines().len(), 1, "{}", ran.out);
    assert!(ran.err.contains("missing.scp.json"), "{}", ran.err);
}

#[test]
fn severities_waivers_and_trees_decide_the_exit_code() {
    let wide = r#"{"Version": "2012-10-17", "Statement": [{"Sid": "A", "Effect": "Allow", "Action": "sqs:*", "Resource": "arn:aws:sqs:eu-west-1:444455556666:q"}]}"#;
    let tree = r#"{"organization": {"ManagementAccountId": "111122223333"}, "root": "r-ab12",
        "ous": [{"Id": "ou-ab12-work0001", "Name": "Workloads", "ParentId": "r-ab12"}], "accounts": [],
        "policies": [{"name": "FullAWSAccess", "targets": ["r-ab12"]}, {"name": "leave", "targets": ["Workloads"]}]}"#;
    let folder = folder(&[
        ("a.identity.json", wide),
        ("leave.scp.json", CLEAN),
        ("org/tree.json", tree),
    ]);
    lint(folder.path(), &["a.identity.json"]).exits(0);
    lint(folder.path(), &["a.identity.json", "--fail-on", "warning"]).exits(1);
    let waived = [
        "a.identity.json",
        "--fail-on",
        "warning",
        "--waive",
        "ACTION_STAR_ALLOW@A",
    ];
    lint(folder.path(), &waived).exits(0);
    let disabled = [
        "a.identity.json",
        "--fail-on",
        "warning",
        "--disable",
        "ACTION_STAR_ALLOW",
    ];
    lint(folder.path(), &disabled).exits(0);
    let ran = lint(
        folder.path(),
        &["leave.scp.json", "--tree", "org/tree.json"],
    )
    .exits(1);
    let found = &ran.lines()[0];
    assert_eq!(
        (&found["code"], &found["file"], &found["pointer"]),
        (
            &json!("SCP_NO_ALLOW_AT_LEVEL"),
            &json!("org/tree.json"),
            &json!("/ous/0")
        )
    );
}

#[test]
fn sizes_are_printed_and_policies_split() {
    let folder = folder(&[("a.json", CLEAN), ("b.json", CLEAN)]);
    let size = |args: &[&str]| {
        run(hallpass()
            .current_dir(folder.path())
            .args(["policy", "size"])
            .args(args))
    };
    let ran = size(&["a.json", "--type", "scp", "--output", "table"]).exits(0);
    assert_eq!(ran.out, format!("{} 10240 2%\n", CLEAN.len()));
    let ran = size(&[
        "a.json", "--type", "scp", "--limit", "10", "--output", "json",
    ])
    .exits(1);
    assert_eq!(
        serde_json::from_str::<Value>(&ran.out).unwrap()["limit"],
        10
    );
    let ran = size(&[
        "a.json",
        "b.json",
        "--type",
        "inline-user",
        "--output",
        "table",
    ])
    .exits(0);
    assert!(ran.out.ends_with(" 2048 13%\n"), "{}", ran.out);
    size(&["a.json", "b.json", "--type", "scp"]).exits(2);
    let ran = size(&["a.json", "--type", "scp", "--split"]).exits(0);
    assert_eq!(ran.out.lines().count(), 1);
    size(&["a.json", "--type", "scp", "--split", "--limit", "20"]).exits(2);
    size(&["a.json", "--type", "trust", "--split"]).exits(2);
    size(&["a.json", "--type", "nowhere"]).exits(2);
}
