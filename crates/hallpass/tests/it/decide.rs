//! `rules decide` over the decision tables of `access.md` §4, through the binary.

use serde_json::{Value, json};

use crate::run::{hallpass, run_args, run_with};

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
fn every_row_of_the_decision_tables_is_answered_in_order() {
    let rows = rows();
    assert_eq!(rows.len(), 50);
    let mut input = String::new();
    for row in &rows {
        input.push_str(&line(row).to_string());
        input.push('\n');
    }
    let mut command = hallpass();
    command.args(["rules", "decide", "--rules", RULES, "--cases", "-"]);
    let answers = run_with(&mut command, input.as_bytes()).exits(0).lines();
    assert_eq!(answers.len(), rows.len());
    let mut wrong = Vec::new();
    for (row, answer) in rows.iter().zip(&answers) {
        let expect = &row["expect"];
        let want = json!([
            row["id"],
            expect["decision"],
            expect["approvers"],
            expect.get("click_permitted")
        ]);
        let got = json!([
            answer["id"],
            answer["decision"],
            answer["approvers"],
            answer.get("permit")
        ]);
        if got != want {
            wrong.push(format!("got {got}, want {want}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_case_that_cannot_be_evaluated_is_answered_and_the_run_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cases.jsonl");
    let good = line(&rows()[0]);
    let lines = format!("{{\"id\": 7, \"requester\": \"dev@corp.com\"}}\nnot json\n\n{good}\n");
    std::fs::write(&path, lines).unwrap();
    let args = ["rules", "decide", "--rules", RULES, "--cases"];
    let ran = run_args(args.iter().copied().chain([path.to_str().unwrap()])).exits(1);
    let answers = ran.lines();
    assert_eq!(answers.len(), 3, "{}", ran.out);
    assert_eq!(answers[0]["id"], 7);
    assert_eq!(answers[0]["error"]["code"], "missing-field");
    assert_eq!(answers[1]["error"]["code"], "bad-syntax");
    assert_eq!(answers[2]["decision"], "RequiresApproval");
    assert_eq!(answers[2]["because"], json!(["s1", "s3"]));
}

#[test]
fn a_duration_over_the_limit_is_invalid_with_its_reason() {
    let statement = json!({"Id": "short", "ResourceType": "Account", "Resource": "*",
        "PermissionSet": "*", "Approvers": ["cto@corp.com"], "MaxDuration": "02:00"});
    let case = |duration: &str| {
        json!({"id": 1, "requester": "dev@corp.com", "account": "111111111111",
            "permission_set": "Admin", "statements": [statement], "duration": duration})
    };
    let input = format!("{}\n{}\n", case("2h"), case("02:01"));
    let mut command = hallpass();
    command.args(["rules", "decide", "--cases", "-"]);
    let answers = run_with(&mut command, input.as_bytes()).exits(0).lines();
    assert_eq!(answers[0]["decision"], "RequiresApproval");
    assert_eq!(answers[0].get("invalid"), None);
    assert_eq!(answers[1]["decision"], "Invalid");
    assert_eq!(answers[1]["because"], json!(["short"]));
    let reason = "`2h 1m` is longer than rule `short` allows, `2h`";
    assert_eq!(
        answers[1]["invalid"],
        json!([{"field": "duration", "message": reason}])
    );
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
