use hallpass_iam::{CaseOptions, simulate_line};
use serde_json::{Value, json};

pub(crate) fn full_access() -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
}

pub(crate) fn explained(case: &Value) -> Value {
    let options = CaseOptions {
        no_derive: true,
        explain: true,
        ..CaseOptions::default()
    };
    let answer = simulate_line(&case.to_string(), 1, &options).json();
    serde_json::from_str(&answer).unwrap()
}

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

/// Compares an answer with the table; a table may omit the denying Sid.
pub(crate) fn fits(got: &str, want: &str) -> bool {
    got == want || (want == "XD" && got.starts_with("XD "))
}

pub(crate) fn cells(line: &str) -> Vec<&str> {
    line.split('|').map(str::trim).collect()
}

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
