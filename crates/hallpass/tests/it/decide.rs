//! `rules decide` over the decision tables of `access.md` §4, through the binary.

use serde_json::{Value, json};

use crate::run::{hallpass, run_with};

const RULES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../rules/tests/fixtures/elevator-readme.json"
);
const CASES: &str = include_str!("../../../rules/tests/fixtures/elevator-readme-cases.json");

/// A fixture row as a line of `rules decide` (`design.md` §8).
fn line(row: &Value) -> Value {
    let mut line = serde_json::Map::new();
    for (from, to) in [
        ("id", "id"),
        ("requester", "requester"),
        ("account_id", "account"),
        ("permission_set_name", "permission_set"),
        ("group_id", "group"),
        ("approver", "click"),
        ("statements", "statements"),
        ("group_statements", "group_statements"),
    ] {
        if let Some(value) = row.get(from) {
            line.insert(to.to_owned(), value.clone());
        }
    }
    Value::Object(line)
}

fn rows() -> Vec<Value> {
    let fixture: Value = serde_json::from_str(CASES).unwrap();
    fixture["cases"].as_array().unwrap().clone()
}

#[test]
fn answers_come_while_cases_go_on() {
    use std::io::{BufRead as _, Write as _};
    let mut child = hallpass()
        .args(["rules", "decide", "--rules", RULES, "--cases", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    for row in rows().iter().take(3) {
        writeln!(stdin, "{}", line(row)).unwrap();
        let mut answer = String::new();
        stdout.read_line(&mut answer).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["id"], row["id"]);
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn an_organization_file_says_who_and_what_exists() {
    let folder = tempfile::tempdir().unwrap();
    let facts = folder.path().join("organization.json");
    let rules = folder.path().join("rules.toml");
    std::fs::write(&facts, ORGANIZATION).unwrap();
    std::fs::write(
        &rules,
        "[[rule]]\nid = \"prod\"\nous = [\"Workloads/Prod\"]\npermission_sets = [\"ReadOnly\"]\n\
         approver_groups = [\"platform\"]\n",
    )
    .unwrap();
    let cases = [
        ("bo@acme.example", "222233334444", "ReadOnly"),
        ("bo@acme.example", "333344445555", "ReadOnly"),
        ("bo@acme.example", "222233334444", "Nothing"),
        ("chen@acme.example", "222233334444", "ReadOnly"),
        ("nobody@acme.example", "222233334444", "ReadOnly"),
    ];
    let mut input = String::new();
    for (requester, account, set) in cases {
        let case = json!({"id": 1, "requester": requester, "account": account,
            "permission_set": set});
        input.push_str(&case.to_string());
        input.push('\n');
    }
    let mut command = hallpass();
    command.args(["rules", "decide", "--cases", "-", "--rules"]);
    command.arg(&rules).arg("--facts").arg(&facts);
    let answers = run_with(&mut command, input.as_bytes()).exits(0).lines();
    let decisions: Vec<&str> = answers
        .iter()
        .map(|answer| answer["decision"].as_str().unwrap())
        .collect();
    assert_eq!(
        decisions,
        [
            "RequiresApproval",
            "NoStatements",
            "Invalid",
            "Invalid",
            "Invalid"
        ]
    );
    assert_eq!(answers[0]["approvers"], json!(["ana@acme.example"]));
}

#[test]
fn explain_names_every_rule_and_takes_names_from_the_facts() {
    let folder = tempfile::tempdir().unwrap();
    let facts = folder.path().join("organization.json");
    std::fs::write(&facts, ORGANIZATION).unwrap();
    let rules = folder.path().join("rules.toml");
    std::fs::write(
        &rules,
        "[[rule]]\nid = \"prod\"\naccounts = [\"payments-*\"]\npermission_sets = [\"*\"]\n\
         approvers = [\"ana@acme.example\"]\n",
    )
    .unwrap();
    let mut command = hallpass();
    command.args(["rules", "explain", "--user", "bo@acme.example"]);
    command.args(["--account", "payments-prod", "--permission-set", "ReadOnly"]);
    command
        .arg("--rules")
        .arg(&rules)
        .arg("--facts")
        .arg(&facts);
    let ran = crate::run::run(&mut command).exits(0);
    let answer = &ran.lines()[0];
    assert_eq!(answer["decision"], "RequiresApproval");
    assert_eq!(answer["because"], json!(["prod"]));
    assert_eq!(answer["explanation"]["rules"][0]["effect"], "applies");
    let ran = crate::run::run(command.args(["--output", "table"])).exits(0);
    assert!(ran.out.starts_with("RequiresApproval\n"), "{}", ran.out);
    assert!(ran.out.contains("payments-prod"), "{}", ran.out);
    assert!(ran.out.contains("prod applies"), "{}", ran.out);
}

pub(crate) const ORGANIZATION: &str = r#"{"version":1,"seed":7,
    "organization":{"management_account":"111122223333"},
    "ous":[{"name":"Workloads"},{"name":"Prod","parent":"Workloads"}],
    "accounts":[
      {"id":"111122223333","name":"acme-management"},
      {"id":"222233334444","name":"payments-prod","ou":"Workloads/Prod"},
      {"id":"333344445555","name":"shared-services","ou":"Workloads"}],
    "identity_center":{
      "users":[{"user_name":"ana@acme.example","email":"ana@acme.example"},
               {"user_name":"bo@acme.example","email":"Bo@Acme.example"},
               {"user_name":"chen@acme.example","email":"chen@acme.example","status":"DISABLED"}],
      "groups":[{"name":"platform","members":["ana@acme.example"]}],
      "permission_sets":[{"name":"ReadOnly","session_duration":"PT8H"}],
      "assignments":[]}}"#;
