//! Merges inherited policies of a type for an account: `simulator.md` O-36.

use serde_json::{Map, Value, json};

use super::{Context, HandlerResult, Output, attachments::target_not_found, invalid};
use crate::core::{call::seconds, errors::ApiError, state::SimState};
use crate::services::{OperationHandler::Reads, OperationRow};

pub(super) const OPERATIONS: &[OperationRow] = &[("DescribeEffectivePolicy", Reads(describe))];

/// Replaces an inherited value.
const ASSIGN: &str = "@@assign";
const APPEND: &str = "@@append";
const REMOVE: &str = "@@remove";

fn describe(context: &Context<'_>) -> HandlerResult {
    let kind = context.text("PolicyType");
    let account = context.optional("TargetId");
    let account = account.unwrap_or(&context.caller.account);
    let state = &context.state;
    if !account.bytes().all(|letter| letter.is_ascii_digit()) {
        return Err(invalid(
            "INVALID_PARTY_TYPE_TARGET",
            "You specified a target that isn't an account.",
        ));
    }
    state.account(account).ok_or_else(target_not_found)?;
    let found = if state.has_type(kind) {
        merged(state, account, kind)
    } else {
        None
    };
    let document = found.ok_or_else(|| {
        ApiError::new(
            "EffectivePolicyNotFoundException",
            "There is no effective policy of the specified type for the target.",
        )
    })?;
    let policy = json!({
        "PolicyContent": document.to_string(), "LastUpdatedTimestamp": seconds(context.now),
        "TargetId": account, "PolicyType": kind,
    });
    Ok(Output::Members(json!({ "EffectivePolicy": policy })))
}

/// Merges from the root down; `None` without policies.
fn merged(state: &SimState, account: &str, kind: &str) -> Option<Value> {
    let mut content: Option<Map<String, Value>> = None;
    for node in state.path_up(account).iter().rev() {
        for policy in state.guardrails_of(node, kind) {
            let document = serde_json::from_str(policy.content.text());
            let Ok(Value::Object(document)) = document else {
                continue;
            };
            inherit(content.get_or_insert_default(), &document);
        }
    }
    content.map(Value::Object)
}

/// Merges a policy into the inherited one. `@@operators_allowed_for_child_policies` is not
/// simulated.
fn inherit(above: &mut Map<String, Value>, policy: &Map<String, Value>) {
    let members = policy.iter().filter(|(key, _)| !key.starts_with("@@"));
    for (key, value) in members {
        let Value::Object(inner) = value else {
            above.insert(key.clone(), value.clone());
            continue;
        };
        if [ASSIGN, APPEND, REMOVE]
            .iter()
            .any(|it| inner.contains_key(*it))
        {
            let old = above.remove(key);
            above.insert(key.clone(), operated(old.as_ref(), inner));
            continue;
        }
        let held = above
            .entry(key.clone())
            .or_insert_with(|| Value::Object(Map::new()));
        if !held.is_object() {
            *held = Value::Object(Map::new());
        }
        if let Value::Object(held) = held {
            inherit(held, inner);
        }
    }
}

/// Applies a value's operators.
fn operated(old: Option<&Value>, operators: &Map<String, Value>) -> Value {
    let list = |it: &Value| match it {
        Value::Array(all) => all.clone(),
        one => vec![one.clone()],
    };
    if let Some(value) = operators.get(ASSIGN) {
        return value.clone();
    }
    let mut all = old.map(list).unwrap_or_default();
    for more in operators.get(APPEND).map(list).unwrap_or_default() {
        if !all.contains(&more) {
            all.push(more);
        }
    }
    let gone = operators.get(REMOVE).map(list).unwrap_or_default();
    all.retain(|it| !gone.contains(it));
    Value::Array(all)
}
