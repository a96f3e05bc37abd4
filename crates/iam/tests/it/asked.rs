//! Asks the engine one case and compares decision and deciding `Sid` with a row of a table.

use hallpass_iam::{CaseOptions, simulate_line};
use serde_json::{Value, json};

/// The policy that is attached everywhere unless somebody replaces it.
pub(crate) fn full_access() -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
}

/// The answer to a case, with what it rests on.
pub(crate) fn explained(case: &Value) -> Value {
    let options = CaseOptions {
        no_derive: true,
        explain: true,
        ..CaseOptions::default()
    };
    let answer = simulate_line(&case.to_string(), 1, &options).json();
    serde_json::from_str(&answer).unwrap()
}

/// `A`, `ID` or `XD SID` of a case without id, for an action on everything.
pub(crate) fn ask(mut case: Value) -> String {
    case["id"] = json!("row");
    let answer = explained(&case);
    match answer["decision"].as_str() {
        Some("Allowed") => "A".to_owned(),
        Some("ImplicitlyDenied") => "ID".to_owned(),
        Some("ExplicitlyDenied") => {
            let sid = answer["decidedBy"]["sid"].as_str().unwrap_or("-");
            format!("XD {sid}")
        }
        _ => answer.to_string(),
    }
}

/// Whether an answer is the one of the table; a table may leave out who denies.
pub(crate) fn fits(got: &str, want: &str) -> bool {
    got == want || (want == "XD" && got.starts_with("XD "))
}

/// Parts of a table's line, at `|`.
pub(crate) fn cells(line: &str) -> Vec<&str> {
    line.split('|').map(str::trim).collect()
}

/// `key=value key=[a,b]` as a context.
pub(crate) fn context(text: &str) -> Value {
    let mut context = json!({});
    for pair in text.split(' ').filter(|it| !it.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap();
        let list = value.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        context[key] = match list {
            Some(list) => list.split(',').filter(|it| !it.is_empty()).collect(),
            None => json!(value),
        };
    }
    context
}
