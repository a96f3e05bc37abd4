//! The decision tables of `access.md` §4: every row of the fixture, reported by id.

use hallpass_base::Timestamp;
use hallpass_rules::{RuleFile, Rules, cases, load};
use serde_json::{Value, json};

const README: &str = include_str!("../fixtures/elevator-readme.json");
const CASES: &str = include_str!("../fixtures/elevator-readme-cases.json");

fn readme() -> Rules {
    load(&RuleFile::new("elevator-readme.json", README))
        .expect("the fixture loads")
        .rules
}

/// Converts a row to the form of `rules decide`.
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

#[test]
fn every_row_of_the_decision_tables_holds() {
    let rules = readme();
    let fixture: Value = serde_json::from_str(CASES).unwrap();
    let rows = fixture["cases"].as_array().unwrap();
    assert_eq!(rows.len(), 50, "rows of the fixture");
    let mut wrong = Vec::new();
    for row in rows {
        let answer = cases::answer(
            &line(row).to_string(),
            Some(&rules),
            None,
            Timestamp::UNIX_EPOCH,
        );
        let answer = serde_json::to_value(answer).unwrap();
        let expect = &row["expect"];
        let permit = expect.get("click_permitted").cloned();
        let got = json!([
            answer["id"],
            answer["decision"],
            answer["approvers"],
            answer.get("permit")
        ]);
        let want = json!([row["id"], expect["decision"], expect["approvers"], permit]);
        if got != want {
            wrong.push(format!("{}: got {got}, want {want}", row["id"]));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} rows differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn permits(rules: &Rules, row: &Value, who: &Value) -> bool {
    let mut line = line(row);
    line["click"] = who.clone();
    let answer = cases::answer(&line.to_string(), Some(rules), None, Timestamp::UNIX_EPOCH);
    serde_json::to_value(answer).unwrap()["permit"] == json!(true)
}

#[test]
fn in_every_row_those_may_press_who_are_asked() {
    let rules = readme();
    let fixture: Value = serde_json::from_str(CASES).unwrap();
    let mut wrong = Vec::new();
    for row in fixture["cases"].as_array().unwrap() {
        let expect = &row["expect"];
        let mut rows = vec![(json!("stranger@corp.com"), false)];
        rows.extend(
            expect["approvers"]
                .as_array()
                .unwrap()
                .iter()
                .map(|who| (who.clone(), true)),
        );
        match expect["decision"].as_str().unwrap() {
            "SelfApproval" => rows.push((row["requester"].clone(), true)),
            // E15: listed, with self-approval, by the second statement
            "ApprovalNotRequired" => rows.push((row["requester"].clone(), row["id"] == "E15")),
            _ => rows.push((row["requester"].clone(), false)),
        }
        for (who, expected) in rows {
            if permits(&rules, row, &who) != expected {
                wrong.push(format!(
                    "{}: press of {who} should give {expected}",
                    row["id"]
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} presses differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn the_readme_configuration_warns_only_of_the_locked_out_approver() {
    let loaded = load(&RuleFile::new("elevator-readme.json", README)).unwrap();
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    // `access.md` G06: the only approver of the third group can never get it
    assert_eq!(
        warnings,
        [
            "elevator-readme.json:19:5: warning[sole-approver]: group_statements[2]: \
          email@gmail.com can never get group 44445555-3333-2222-1111-555557777777: no one \
          else can approve it\n  help: list another approver, or allow self approval"
        ]
    );
}
