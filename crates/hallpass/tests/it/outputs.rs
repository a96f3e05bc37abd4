//! Output formats of commands that only read files.

use serde_json::Value;

use crate::run::{Ran, hallpass, run_args, run_with};

const CASES: &str = r#"{"id":"a","requester":"ana@corp.com","account":"111111111111","permission_set":"Admin","statements":[]}
{
"#;

fn decide(format: &[&str]) -> Ran {
    let words = [&["rules", "decide", "--cases", "-"], format].concat();
    run_with(hallpass().args(words), CASES.as_bytes()).exits(1)
}

#[test]
fn decisions_are_printed_in_each_format() {
    let lines = decide(&[]).lines();
    assert_eq!(lines.len(), 2);
    let ran = decide(&["--output", "json"]);
    let all: Vec<Value> = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(all, lines, "the same answers");
    let csv = decide(&["--output", "csv"]).out;
    assert!(
        csv.starts_with("id,decision,permit,approvers,because,error,line\r\na,NoStatements,"),
        "{csv}"
    );
    let table = decide(&["--output", "table"]).out;
    assert!(
        table.contains("NoStatements") && table.contains("error on line 2: "),
        "{table}"
    );
}

fn why(more: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("dev.json");
    let text = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Net","Effect":"Allow","Action":"s3:*",
        "Resource":"*","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-1"}}}]}"#;
    std::fs::write(&policy, text).unwrap();
    let words = [
        "policy",
        "why",
        "--principal",
        "arn:aws:iam::111122223333:user/mara",
        "--resource",
        "arn:aws:s3:::logs/today",
        "--identity-policy",
        policy.to_str().unwrap(),
    ];
    run_args([&words, more].concat()).exits(1)
}

#[test]
fn why_names_the_absent_key_and_the_action_that_was_meant() {
    let ran = why(&["--action", "s3:GetObject"]);
    assert!(
        ran.out.contains("the request has no `aws:SourceVpc`"),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains("did you mean"), "{}", ran.out);
    let ran = why(&["--action", "s3:GetObjcet"]);
    assert!(
        ran.out.contains("did you mean `s3:GetObject`?"),
        "{}",
        ran.out
    );
    let ran = why(&["--action", "s3:GetObject", "--output", "json"]);
    let all: Value = serde_json::from_str(&ran.out).unwrap();
    assert!(all.get("decision").is_some(), "{all}");
}
