use serde_json::{Value, json};

use super::{
    ApiError, Context, HandlerResult, Output, constraint,
    policies::{summary, target},
    tree,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;
use crate::{
    core::{entities::Id, state::SimState, tree::node, windows::Window},
    vocabulary::policy_types::{RCP, default_of, most_attached},
};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("AttachPolicy", Writes(attach)),
    ("DetachPolicy", Writes(detach)),
    ("ListTargetsForPolicy", Reads(targets)),
    ("ListPoliciesForTarget", Reads(for_target)),
    ("EnablePolicyType", Writes(enable)),
    ("DisablePolicyType", Writes(disable)),
];

pub(super) fn target_not_found() -> ApiError {
    ApiError::new(
        "TargetNotFoundException",
        "You specified a target that doesn't exist.",
    )
}

fn check_type(state: &SimState, kind: &str) -> Result<(), ApiError> {
    if state.has_type(kind) {
        return Ok(());
    }
    Err(ApiError::new(
        "PolicyTypeNotEnabledException",
        "This operation can be performed only for enabled policy types.",
    ))
}

fn attach(context: &mut Context<'_>) -> HandlerResult {
    let policy = target(context)?.clone();
    let node_id = context.text("TargetId");
    node(context.state, node_id).ok_or_else(target_not_found)?;
    check_type(context.state, &policy.kind)?;
    if context.state.is_attached(&policy.id, node_id) {
        return Err(ApiError::new(
            "DuplicatePolicyAttachmentException",
            "The selected policy is already attached to the specified target.",
        ));
    }
    let held = context.state.guardrails_of(node_id, &policy.kind).count();
    let most = most_attached(&policy.kind, &context.state.settings.behaviour);
    if held >= most {
        return Err(constraint(
            "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            "You have attached the maximum number of policies to the specified target.",
        ));
    }
    let seen = context.write(Window::Policy);
    let now = context.now;
    context.state.attach(&policy.id, node_id, seen, now);
    Ok(Output::Nothing)
}

fn detach(context: &mut Context<'_>) -> HandlerResult {
    let policy = target(context)?.clone();
    let node_id = context.text("TargetId");
    node(context.state, node_id).ok_or_else(target_not_found)?;
    if !context.state.is_attached(&policy.id, node_id) {
        return Err(ApiError::new(
            "PolicyNotAttachedException",
            "The policy isn't attached to the specified target in the specified root.",
        ));
    }
    let kind = policy.kind.as_str();
    let stays = policy.aws_managed && kind == RCP;
    let last = context.state.guardrails_of(node_id, kind).count() == 1;
    if stays || default_of(kind).is_some() && last {
        return Err(constraint(
            "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            "You cannot remove the last policy attached to the specified target. You must have at \
             least one attached at all times.",
        ));
    }
    let seen = context.write(Window::Policy);
    let now = context.now;
    context.state.detach(&policy.id, node_id, seen, now);
    Ok(Output::Nothing)
}

fn targets(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let policy = target(context)?.id.clone();
    let state = &context.state;
    let rows = state
        .targets_of(&policy)
        .filter(|(order, id)| follows(page.after.as_ref(), *order, id))
        .filter_map(|(order, id)| {
            let (arn, name, kind) = node(state, &id)?;
            let row = json!({ "TargetId": id, "Arn": arn, "Name": name, "Type": kind });
            Some((order, id.to_string(), row))
        });
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}

fn follows(after: Option<&(u64, String)>, order: u64, id: &str) -> bool {
    after.is_none_or(|last| (order, id) > (last.0, &last.1))
}

fn for_target(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let (id, kind) = (context.text("TargetId"), context.text("Filter"));
    let state = &context.state;
    node(state, id).ok_or_else(target_not_found)?;
    let rows = state
        .guardrails_of(id, kind)
        .map(|policy| (state.order(&policy.id), policy))
        .filter(|(order, policy)| follows(page.after.as_ref(), *order, &policy.id))
        .map(|(order, policy)| (order, policy.id.to_string(), summary(state, policy)));
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}

fn check_root(context: &Context<'_>) -> Result<(), ApiError> {
    if context.text("RootId") == context.state.head.root {
        return Ok(());
    }
    Err(ApiError::new(
        "RootNotFoundException",
        "You specified a root that doesn't exist.",
    ))
}

fn root(context: &Context<'_>) -> Value {
    json!({ "Root": tree::root(context.state) })
}

/// `EnablePolicyType`: attaches the type's default policy everywhere.
fn enable(context: &mut Context<'_>) -> HandlerResult {
    check_root(context)?;
    let kind = context.text("PolicyType");
    if context.state.has_type(kind) {
        return Err(ApiError::new(
            "PolicyTypeAlreadyEnabledException",
            "The specified policy type is already enabled.",
        ));
    }
    let seen = context.write(Window::Policy);
    let now = context.now;
    let state = &mut *context.state;
    state.head.policy_types.push(kind.to_owned());
    state.guardrails.pending.insert(kind.to_owned(), seen);
    for node in default_of(kind).map(|_| state.nodes()).unwrap_or_default() {
        state.attach_defaults(&node, now);
    }
    Ok(Output::Members(root(context)))
}

/// `DisablePolicyType`: detaches every policy of the type.
fn disable(context: &mut Context<'_>) -> HandlerResult {
    check_root(context)?;
    let kind = context.text("PolicyType");
    check_type(context.state, kind)?;
    context.write(Window::Immediate);
    let now = context.now;
    let state = &mut *context.state;
    state.head.policy_types.retain(|one| one != kind);
    state.guardrails.pending.remove(kind);
    let of_type = state.guardrails.rows.iter();
    let of_type: Vec<Id> = of_type
        .filter(|(_, policy)| policy.kind == kind)
        .map(|(_, policy)| policy.id.clone())
        .collect();
    for policy in of_type {
        let targets: Vec<Id> = state
            .targets_of(&policy)
            .map(|(_, target)| target)
            .collect();
        for target in targets {
            state.detach(&policy, &target, now, now);
        }
    }
    Ok(Output::Members(root(context)))
}
