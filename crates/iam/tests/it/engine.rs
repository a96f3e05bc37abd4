use hallpass_iam::{Case, CaseOptions, simulate_line};
use serde_json::Value;

fn options(explain: bool) -> CaseOptions {
    CaseOptions {
        no_derive: true,
        explain,
        ..CaseOptions::default()
    }
}

/// The output line of `policies.md` §3.
pub(crate) fn answer(line: &str, explain: bool) -> Value {
    serde_json::from_str(&simulate_line(line, 1, &options(explain)).json()).unwrap()
}

pub(crate) fn decision(case: &Value) -> Result<String, String> {
    word(&answer(&case.to_string(), false))
}

pub(crate) fn word(answer: &Value) -> Result<String, String> {
    match answer["decision"].as_str() {
        Some(word) => Ok(word.to_owned()),
        None => Err(answer["error"]["code"].as_str().unwrap().to_owned()),
    }
}

pub(crate) fn error(line: &str) -> Option<(String, String)> {
    let error = answer(line, false)["error"].take();
    let text = |field: &str| error[field].as_str().map(str::to_owned);
    Some((text("code")?, text("pointer")?))
}

pub(crate) fn read(case: &Value) -> Case {
    Case::read(&case.to_string(), &options(false)).unwrap()
}
