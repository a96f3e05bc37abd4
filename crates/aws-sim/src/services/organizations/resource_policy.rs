//! The delegation policy: the management account's grant of policy rights to other accounts (AWS
//! Organizations User Guide, "Delegated administrator for AWS Organizations").

use crate::base::hash;
use hallpass_iam::{Policy, PolicyType};
use serde_json::json;

use super::{ApiError, Context, HandlerResult, Output, invalid};
use crate::core::{authorize, document::Document, state::SimState, windows::Window};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("PutResourcePolicy", Writes(put)),
    ("DescribeResourcePolicy", Reads(describe)),
    ("DeleteResourcePolicy", Writes(delete)),
];

/// Delegable writes (the same page, "Supported actions for delegation policies").
const DELEGABLE: &[&str] = &[
    "AttachPolicy",
    "CreatePolicy",
    "DeletePolicy",
    "DetachPolicy",
    "DisablePolicyType",
    "EnablePolicyType",
    "TagResource",
    "UntagResource",
    "UpdatePolicy",
];

pub(super) fn delegates(context: &Context<'_>) -> bool {
    let (state, call) = (&context.state, context.call);
    if !DELEGABLE.contains(&call.operation.as_str()) {
        return false;
    }
    let document = state.head.delegation_policy.as_ref();
    let policy = document.and_then(|it| it.policy(PolicyType::Resource, "delegation policy"));
    policy.is_some_and(|policy| authorize::is_delegated(state, call, context.caller, policy))
}

pub(super) fn arn_to_be(state: &SimState, kind: &str) -> String {
    let (head, kind) = (&state.head, kind.to_lowercase());
    format!(
        "arn:aws:organizations::{}:policy/{}/{kind}/p-new",
        head.management, head.id
    )
}

fn shape(state: &SimState, document: &Document) -> Output {
    let head = &state.head;
    // one per organization
    let id = format!("rp-{:08x}", hash(&head.id) & 0xffff_ffff);
    let arn = format!(
        "arn:aws:organizations::{}:resourcepolicy/{}/{id}",
        head.management, head.id
    );
    let summary = json!({ "Id": id, "Arn": arn });
    let content = document.text();
    Output::Members(
        json!({ "ResourcePolicy": { "ResourcePolicySummary": summary, "Content": content } }),
    )
}

fn not_found() -> ApiError {
    ApiError::new(
        "ResourcePolicyNotFoundException",
        "We can't find a resource policy request with the parameter that you specified.",
    )
}

/// `PutResourcePolicy`: replaces the policy. Does not check its actions and keys.
fn put(context: &mut Context<'_>) -> HandlerResult {
    let given = context.text("Content").to_owned();
    if Policy::parse(&given, PolicyType::Resource).is_err() {
        let text = "The resource policy is not a valid policy in JSON.";
        return Err(invalid("INVALID_RESOURCE_POLICY_JSON", text));
    }
    if context.call.input.get("Tags").is_some() {
        let text = "Tags of resource policies are not simulated.";
        return Err(ApiError::new("UnsupportedAPIEndpointException", text));
    }
    context.write(Window::Immediate);
    let document = Document::new(given);
    let answer = shape(context.state, &document);
    context.state.head.delegation_policy = Some(document);
    Ok(answer)
}

fn describe(context: &Context<'_>) -> HandlerResult {
    let document = context.state.head.delegation_policy.as_ref();
    let document = document.ok_or_else(not_found)?;
    Ok(shape(context.state, document))
}

fn delete(context: &mut Context<'_>) -> HandlerResult {
    if context.state.head.delegation_policy.is_none() {
        return Err(not_found());
    }
    context.write(Window::Immediate);
    context.state.head.delegation_policy = None;
    Ok(Output::Nothing)
}
