use hallpass_aws_model::facts;
use hallpass_iam::{Policy, PolicyType};
use serde_json::{Value, json};

use super::{
    ApiError, Context, HandlerResult, Output, check_managed, lifecycle::change, ordered, read_set,
    target_set,
};
use crate::core::{document::Document, limits::MANAGED_PER_SET};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("ListManagedPoliciesInPermissionSet", Reads(list_managed)),
    ("AttachManagedPolicyToPermissionSet", Writes(attach)),
    ("DetachManagedPolicyFromPermissionSet", Writes(detach)),
    (
        "ListCustomerManagedPolicyReferencesInPermissionSet",
        Reads(list_customer_managed),
    ),
    (
        "AttachCustomerManagedPolicyReferenceToPermissionSet",
        Writes(attach_customer_managed),
    ),
    (
        "DetachCustomerManagedPolicyReferenceFromPermissionSet",
        Writes(detach_customer_managed),
    ),
    ("GetInlinePolicyForPermissionSet", Reads(get_inline)),
    ("PutInlinePolicyToPermissionSet", Writes(put_inline)),
    ("DeleteInlinePolicyFromPermissionSet", Writes(delete_inline)),
    (
        "GetPermissionsBoundaryForPermissionSet",
        Reads(get_boundary),
    ),
    (
        "PutPermissionsBoundaryToPermissionSet",
        Writes(put_boundary),
    ),
    (
        "DeletePermissionsBoundaryFromPermissionSet",
        Writes(delete_boundary),
    ),
];

fn list_managed(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let rows = read_set(context)?.managed.iter().map(|arn| {
        let name = arn.rsplit('/').next().unwrap_or_default();
        (arn.clone(), json!({ "Name": name, "Arn": arn }))
    });
    let (rows, token) = page.take(ordered(rows, page.after.as_ref()));
    Ok(context.paged(rows, token))
}

fn list_customer_managed(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let rows = read_set(context)?
        .customer_managed
        .iter()
        .map(|(name, path)| {
            (
                format!("{path}{name}"),
                json!({ "Name": name, "Path": path }),
            )
        });
    let (rows, token) = page.take(ordered(rows, page.after.as_ref()));
    Ok(context.paged(rows, token))
}

fn attach(context: &mut Context<'_>) -> HandlerResult {
    let mut set = target_set(context)?.clone();
    check_managed(context, &set.id)?;
    let arn = context.text("ManagedPolicyArn").to_owned();
    if set.managed.contains(&arn) {
        return Err(ApiError::new(
            "ConflictException",
            format!(
                "Policy {arn} is already attached to PermissionSet {}.",
                set.id
            ),
        ));
    }
    if set.managed.len() >= MANAGED_PER_SET {
        return Err(ApiError::new(
            "ServiceQuotaExceededException",
            "You have reached the maximum number of managed policies of a permission set.",
        ));
    }
    set.managed.push(arn);
    change(context, set);
    Ok(Output::Members(json!({})))
}

fn detach(context: &mut Context<'_>) -> HandlerResult {
    let mut set = target_set(context)?.clone();
    check_managed(context, &set.id)?;
    let arn = context.text("ManagedPolicyArn");
    if !set.managed.iter().any(|held| held == arn) {
        return Err(ApiError::new(
            "ResourceNotFoundException",
            format!("Policy {arn} is not attached to PermissionSet {}.", set.id),
        ));
    }
    set.managed.retain(|held| held != arn);
    change(context, set);
    Ok(Output::Members(json!({})))
}

fn reference(reference: Option<&Value>) -> (String, String) {
    let text = |name: &str| reference?.get(name).and_then(Value::as_str);
    let name = text("Name").unwrap_or_default().to_owned();
    (name, text("Path").unwrap_or("/").to_owned())
}

fn named_policy(context: &Context<'_>) -> (String, String) {
    let input = &context.call.input;
    reference(input.get("CustomerManagedPolicyReference"))
}

fn attach_customer_managed(context: &mut Context<'_>) -> HandlerResult {
    let mut set = target_set(context)?.clone();
    check_managed(context, &set.id)?;
    let policy = named_policy(context);
    if set.customer_managed.contains(&policy) {
        return Err(ApiError::new(
            "ConflictException",
            format!(
                "Policy {} is already attached to PermissionSet {}.",
                policy.0, set.id
            ),
        ));
    }
    if set.customer_managed.len() >= MANAGED_PER_SET {
        return Err(ApiError::new(
            "ServiceQuotaExceededException",
            "You have reached the maximum number of customer managed policies of a permission set.",
        ));
    }
    set.customer_managed.push(policy);
    change(context, set);
    Ok(Output::Members(json!({})))
}

fn detach_customer_managed(context: &mut Context<'_>) -> HandlerResult {
    let mut set = target_set(context)?.clone();
    check_managed(context, &set.id)?;
    let policy = named_policy(context);
    if !set.customer_managed.contains(&policy) {
        return Err(ApiError::new(
            "ResourceNotFoundException",
            format!(
                "Policy {} is not attached to PermissionSet {}.",
                policy.0, set.id
            ),
        ));
    }
    set.customer_managed.retain(|held| *held != policy);
    change(context, set);
    Ok(Output::Members(json!({})))
}

fn get_inline(context: &Context<'_>) -> HandlerResult {
    let set = read_set(context)?;
    let empty = context
        .state
        .settings
        .behaviour
        .is("inline_get_absent", "empty");
    Ok(Output::Members(match &set.inline {
        Some(policy) => json!({ "InlinePolicy": policy.text() }),
        None if empty => json!({ "InlinePolicy": "" }),
        None => json!({}),
    }))
}

/// Without white space: the limit of the role behind it.
const INLINE_MAX: usize = facts::ROLE_POLICY_CHARACTERS.count();

fn put_inline(context: &mut Context<'_>) -> HandlerResult {
    let mut set = target_set(context)?.clone();
    check_managed(context, &set.id)?;
    let policy = context.text("InlinePolicy");
    if let Err(error) = Policy::parse(policy, PolicyType::Identity) {
        let text = format!("The policy is not a valid policy document: {error}");
        return Err(ApiError::new("ValidationException", text));
    }
    if policy
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .count()
        > INLINE_MAX
    {
        return Err(ApiError::new(
            "ServiceQuotaExceededException",
            format!("The inline policy exceeds {INLINE_MAX} characters."),
        ));
    }
    set.inline = Some(Document::new(policy));
    change(context, set);
    Ok(Output::Members(json!({})))
}

fn delete_inline(context: &mut Context<'_>) -> HandlerResult {
    let mut set = target_set(context)?.clone();
    check_managed(context, &set.id)?;
    if set.inline.take().is_none() {
        return Err(ApiError::new(
            "ResourceNotFoundException",
            format!("PermissionSet {} has no inline policy.", set.id),
        ));
    }
    change(context, set);
    Ok(Output::Members(json!({})))
}

fn get_boundary(context: &Context<'_>) -> HandlerResult {
    let set = read_set(context)?;
    let boundary = set.boundary.as_ref().ok_or_else(|| {
        ApiError::new(
            "ResourceNotFoundException",
            format!("PermissionSet {} has no permissions boundary.", set.id),
        )
    })?;
    Ok(Output::Members(json!({ "PermissionsBoundary": boundary })))
}

/// `PutPermissionsBoundaryToPermissionSet`: one policy, of AWS or of the accounts.
fn put_boundary(context: &mut Context<'_>) -> HandlerResult {
    let mut set = target_set(context)?.clone();
    check_managed(context, &set.id)?;
    let input = &context.call.input;
    let own = input.pointer("/PermissionsBoundary/CustomerManagedPolicyReference");
    let managed = input.pointer("/PermissionsBoundary/ManagedPolicyArn");
    let boundary = match (own, managed) {
        (Some(_), None) => {
            let (name, path) = reference(own);
            json!({ "CustomerManagedPolicyReference": { "Name": name, "Path": path } })
        }
        (None, Some(arn)) => json!({ "ManagedPolicyArn": arn }),
        _ => {
            return Err(ApiError::new(
                "ValidationException",
                "A permissions boundary is either an AWS managed policy or a customer managed policy.",
            ));
        }
    };
    set.boundary = Some(boundary);
    change(context, set);
    Ok(Output::Members(json!({})))
}

fn delete_boundary(context: &mut Context<'_>) -> HandlerResult {
    let mut set = target_set(context)?.clone();
    check_managed(context, &set.id)?;
    if set.boundary.take().is_none() {
        return Err(ApiError::new(
            "ResourceNotFoundException",
            format!("PermissionSet {} has no permissions boundary.", set.id),
        ));
    }
    change(context, set);
    Ok(Output::Members(json!({})))
}
