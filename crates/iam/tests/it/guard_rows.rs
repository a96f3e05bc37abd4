use hallpass_iam::{CaseAnswer, CaseOptions, simulate_line};
use serde_json::{Value, json};

pub(crate) fn full_access() -> Value {
    allow("*")
}

pub(crate) fn allow(actions: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Allowed", "Effect": "Allow", "Action": actions, "Resource": "*"}]})
}

pub(crate) fn allow_everybody(actions: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Shared", "Effect": "Allow", "Principal": "*", "Action": actions,
         "Resource": "*"}]})
}

pub(crate) fn over(base: &Value, over: &Value) -> Value {
    let mut all = base.clone();
    for (key, value) in over.as_object().unwrap() {
        let member = &mut all[key.as_str()];
        if key == "context" && member.is_object() {
            for (key, value) in value.as_object().unwrap() {
                member[key.as_str()] = value.clone();
            }
        } else {
            *member = value.clone();
        }
    }
    all
}

/// Evaluates every row, then fails with all differences. Expected: `A`, `ID`, or `XD` with the
/// deciding sid if the table names it.
pub(crate) fn check(rows: &[(&str, Value, &str)]) {
    let mut wrong = Vec::new();
    for (row, case, want) in rows {
        let got = ask(case);
        let same = got == *want || (*want == "XD" && got.starts_with("XD "));
        if !same {
            wrong.push(format!("row {row}: {got}, want {want}\n    {case}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn ask(case: &Value) -> String {
    let case = over(&json!({"id": "row"}), case);
    let options = CaseOptions {
        no_derive: true,
        explain: true,
        ..CaseOptions::default()
    };
    let answer = simulate_line(&case.to_string(), 1, &options);
    let CaseAnswer::Decided {
        decision,
        explanation,
        ..
    } = &answer
    else {
        return answer.json();
    };
    match decision.as_str() {
        "Allowed" => "A".to_owned(),
        "ImplicitlyDenied" => "ID".to_owned(),
        _ => {
            let decider = explanation.as_ref().unwrap().decided_by.as_ref().unwrap();
            format!("XD {}", decider.sid.as_deref().unwrap_or("-"))
        }
    }
}
