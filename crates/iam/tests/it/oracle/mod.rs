//! A second, deliberately slow implementation of `policies.md` §2 and §3, for comparison with the
//! engine.
//!
//! It shares no type with the engine: plain JSON values, strings, recursion and loops in the
//! specification's order. It cannot see duplicate keys (`serde_json` has dropped them) and derives
//! no context keys.

mod condition;
mod evaluate;
mod glob;
mod load;
mod principal;
mod text;
mod variable;

pub(crate) use evaluate::Verdict;
use serde_json::Value;

pub(crate) fn verdict(case: &Value) -> Result<Verdict, &'static str> {
    load::check_case(case)?;
    Ok(evaluate::case(case))
}

pub(crate) fn decision(case: &Value) -> Result<&'static str, &'static str> {
    Ok(verdict(case)?.decision)
}

fn many(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(list) => list.iter().collect(),
        other => vec![other],
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The document of a POLICY of `policies.md` §3, possibly under `policy` next to a name.
fn document(policy: &Value) -> &Value {
    if policy.get("Statement").is_none() && policy.get("policy").is_some() {
        &policy["policy"]
    } else {
        policy
    }
}
