//! A second, deliberately slow reading of `policies.md` §2 and §3, to compare the engine with.
//!
//! It works on plain JSON values, compiles nothing and shares no type with the engine: recursion,
//! strings and loops in the order in which the specification tells them. It cannot see duplicate
//! keys (`serde_json` has dropped them) and it derives no context keys.

mod condition;
mod evaluate;
mod glob;
mod load;
mod principal;
mod text;
mod variable;

pub(crate) use evaluate::Verdict;
use serde_json::Value;

/// The verdict on one case of `policies.md` §3, or the code of its first mistake.
pub(crate) fn verdict(case: &Value) -> Result<Verdict, &'static str> {
    load::check_case(case)?;
    Ok(evaluate::case(case))
}

/// The decision word on one case, or the code of its first mistake.
pub(crate) fn decision(case: &Value) -> Result<&'static str, &'static str> {
    Ok(verdict(case)?.decision)
}

/// The scalar or the members of the list, as a list.
fn many(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(list) => list.iter().collect(),
        other => vec![other],
    }
}

/// The text of a string, number or boolean.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The document of a POLICY of `policies.md` §3, which may stand under `policy` beside a name.
fn document(policy: &Value) -> &Value {
    if policy.get("Statement").is_none() && policy.get("policy").is_some() {
        &policy["policy"]
    } else {
        policy
    }
}
