use crate::base::Millis;
use serde_json::{Value, json};

use super::{ApiError, Context, HandlerResult, Output, constraint, invalid, stale, tags};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;
use crate::{
    core::{
        attaching::{fresh_id, guardrail_arn},
        document::Document,
        guardrails::Guardrail,
        state::SimState,
        windows::Window,
    },
    vocabulary::policy_types::{check_content, longest, most},
};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("CreatePolicy", Writes(create)),
    ("UpdatePolicy", Writes(update)),
    ("DeletePolicy", Writes(delete)),
    ("DescribePolicy", Reads(describe)),
    ("ListPolicies", Reads(list)),
];

pub(super) fn not_found() -> ApiError {
    ApiError::new(
        "PolicyNotFoundException",
        "You specified a policy that doesn't exist.",
    )
}

pub(super) fn target<'a>(context: &'a Context<'_>) -> Result<&'a Guardrail, ApiError> {
    let id = context.text("PolicyId");
    context.state.guardrail(id).ok_or_else(not_found)
}

pub(super) fn summary(state: &SimState, policy: &Guardrail) -> Value {
    json!({
        "Id": policy.id,
        "Arn": guardrail_arn(state, policy),
        "Name": policy.name,
        "Description": policy.description,
        "Type": policy.kind,
        "AwsManaged": policy.aws_managed,
    })
}

fn whole(state: &SimState, policy: &Guardrail) -> Output {
    let summary = summary(state, policy);
    Output::Members(
        json!({ "Policy": { "PolicySummary": summary, "Content": policy.content.text() } }),
    )
}

fn malformed() -> ApiError {
    ApiError::new(
        "MalformedPolicyDocumentException",
        "The provided policy document does not meet the requirements of the specified policy type.",
    )
}

fn check(state: &SimState, kind: &str, content: &str) -> Result<(), ApiError> {
    check_content(kind, content).map_err(|_| malformed())?;
    if content.len() > longest(kind, &state.settings.behaviour) {
        return Err(constraint(
            "POLICY_CONTENT_LIMIT_EXCEEDED",
            "You have exceeded the content limit for a policy.",
        ));
    }
    Ok(())
}

fn check_name(state: &SimState, kind: &str, name: &str, own: &str) -> Result<(), ApiError> {
    let mut others = state.guardrails.rows.iter().map(|(_, policy)| policy);
    if others.any(|policy| policy.kind == kind && policy.name == name && *policy.id != *own) {
        return Err(ApiError::new(
            "DuplicatePolicyException",
            "A policy with the same name already exists.",
        ));
    }
    Ok(())
}

fn check_own(policy: &Guardrail) -> Result<(), ApiError> {
    if policy.aws_managed {
        return Err(invalid(
            "IMMUTABLE_POLICY",
            "You can't change or delete a policy that is managed by AWS.",
        ));
    }
    Ok(())
}

fn create(context: &mut Context<'_>) -> HandlerResult {
    let (kind, name) = (context.text("Type"), context.text("Name"));
    let document = context.text("Content");
    check(context.state, kind, document)?;
    check_name(context.state, kind, name, "")?;
    let rows = &context.state.guardrails.rows;
    if rows.iter().filter(|(_, row)| row.kind == kind).count() >= most(kind) {
        return Err(constraint(
            "POLICY_NUMBER_LIMIT_EXCEEDED",
            "You have exceeded the number of policies that you can have in an organization.",
        ));
    }
    let tags = tags::given(context)?;
    let mut random = context.random().clone();
    let policy = Guardrail {
        id: fresh_id(context.state, &mut random).as_str().into(),
        name: name.to_owned(),
        kind: kind.to_owned(),
        description: context.text("Description").to_owned(),
        content: Document::new(document),
        tags,
        aws_managed: false,
    };
    let answer = whole(context.state, &policy);
    let seen = context.write(Window::Immediate);
    put(context, policy, seen);
    Ok(answer)
}

pub(super) fn put(context: &mut Context<'_>, policy: Guardrail, seen: Millis) {
    let place = context.state.place(&policy.id);
    let now = context.now;
    context.state.guardrails.rows.put(place, policy, seen, now);
}

/// `UpdatePolicy`: replaces only given members.
fn update(context: &mut Context<'_>) -> HandlerResult {
    let mut policy = target(context)?.clone();
    check_own(&policy)?;
    if let Some(content) = context.optional("Content") {
        check(context.state, &policy.kind, content)?;
        policy.content = Document::new(content);
    }
    if let Some(name) = context.optional("Name") {
        check_name(context.state, &policy.kind, name, &policy.id)?;
        name.clone_into(&mut policy.name);
    }
    if let Some(description) = context.optional("Description") {
        description.clone_into(&mut policy.description);
    }
    let answer = whole(context.state, &policy);
    let seen = context.write(Window::Policy);
    put(context, policy, seen);
    Ok(answer)
}

/// `DeletePolicy`: requires no attachments.
fn delete(context: &mut Context<'_>) -> HandlerResult {
    let policy = target(context)?.clone();
    check_own(&policy)?;
    if context.state.targets_of(&policy.id).next().is_some() {
        return Err(ApiError::new(
            "PolicyInUseException",
            "The policy is attached to one or more entities. You must detach it from all roots, \
             OUs, and accounts before performing this operation.",
        ));
    }
    // a recently detached policy may still be effective
    let seen = context.write(Window::Policy);
    let place = context.state.place(&policy.id);
    let now = context.now;
    context.state.guardrails.rows.remove(&place, seen, now);
    Ok(Output::Nothing)
}

fn describe(context: &Context<'_>) -> HandlerResult {
    let at = stale(context);
    let place = context.state.place(context.text("PolicyId"));
    let policy = match at {
        Some(at) => context.state.guardrails.rows.seen(&place, at),
        None => context.state.guardrails.rows.latest(&place),
    };
    let policy = policy.ok_or_else(not_found)?;
    Ok(whole(context.state, policy))
}

fn list(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let kind = context.text("Filter");
    let start = match &page.after {
        Some((order, id)) => std::ops::Bound::Excluded((*order, id.as_str().into())),
        None => std::ops::Bound::Unbounded,
    };
    let state = &context.state;
    let rows = state
        .guardrails
        .rows
        .range(start)
        .filter(|(_, policy)| policy.kind == kind)
        .map(|((order, id), policy)| (*order, id.to_string(), summary(state, policy)));
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}
