//! Roles come and go, with managed policies attached.

use hallpass_iam::{Policy, PolicyType};
use serde_json::Value;

use super::{
    ApiError, Context, HandlerResult,
    changes::{change, conflict, unmodifiable},
    no_entity, roles, single,
};
use crate::services::{OperationHandler::Writes, OperationRow};
use crate::{
    core::{
        call::Output, entities::read_tags, iam::managed, issue::whole_seconds,
        limits::POLICIES_PER_ROLE, portal::RESERVED_PREFIX,
    },
    organization::{Iam, IamPolicies, IamRole},
};

/// What of this file is called by its name.
pub(super) const OPERATIONS: &[OperationRow] = &[
    ("CreateRole", Writes(create)),
    ("DeleteRole", Writes(delete)),
    ("AttachRolePolicy", Writes(attach)),
    ("DetachRolePolicy", Writes(detach)),
];

/// Reads a trust policy: the document as it stays, and the principals that it names.
fn trusted(text: &str) -> Result<(Value, Vec<String>), ApiError> {
    let malformed = |why: &str| ApiError::new("MalformedPolicyDocument", why);
    let document: Value =
        serde_json::from_str(text).map_err(|_| malformed("This policy contains invalid Json"))?;
    Policy::parse(text, PolicyType::Trust).map_err(|error| malformed(&error.to_string()))?;
    let statements = match document.get("Statement") {
        Some(Value::Array(all)) => all.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let principals = statements.iter().filter_map(|it| it.get("Principal"));
    let named = principals.filter_map(Value::as_object);
    let mut found = Vec::new();
    for value in named.flat_map(|it| it.values()) {
        match value {
            Value::String(one) => found.push(one.clone()),
            Value::Array(all) => {
                found.extend(all.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            _ => {}
        }
    }
    Ok((document, found))
}

fn role_mut<'a>(iam: &'a mut Iam, name: &str) -> Result<&'a mut IamRole, ApiError> {
    // what Identity Center made is its own (IAM API Reference, "UnmodifiableEntity")
    if name.starts_with(RESERVED_PREFIX) {
        return Err(unmodifiable(name));
    }
    let found = iam.roles.iter_mut().find(|it| it.name == name);
    found.ok_or_else(|| no_entity("role", name))
}

/// `CreateRole`
fn create(context: &mut Context<'_>) -> HandlerResult {
    let (document, trust) = trusted(context.text("AssumeRolePolicyDocument"))?;
    let seconds = |name: &str| {
        let given = context.call.input.get(name)?.as_u64()?;
        u32::try_from(given).ok()
    };
    let boundary = context.optional("PermissionsBoundary").map(str::to_owned);
    let role = IamRole {
        name: context.text("RoleName").to_owned(),
        path: context.optional("Path").map(str::to_owned),
        created: Some(whole_seconds(context.now)),
        trust,
        trust_policy: Some(document),
        description: context.optional("Description").map(str::to_owned),
        max_session_duration: seconds("MaxSessionDuration"),
        max_signin_session_duration: seconds("MaxSigninSessionDuration"),
        tags: read_tags(context.call.input.get("Tags")),
        permissions: IamPolicies {
            boundary: boundary.clone(),
            ..IamPolicies::default()
        },
        ..IamRole::default()
    };
    if role.name.starts_with(RESERVED_PREFIX) {
        return Err(unmodifiable(&role.name));
    }
    let account = context.caller.account.clone();
    change(context, |iam| {
        if let Some(arn) = &boundary {
            there(iam, &account, arn)?;
        }
        let mut roles = iam.roles.iter();
        if roles.any(|it| it.name.eq_ignore_ascii_case(&role.name)) {
            let text = format!("Role with name {} already exists.", role.name);
            return Err(conflict("EntityAlreadyExists", text));
        }
        iam.roles.push(role);
        Ok(())
    })?;
    Ok(single("Role", roles::as_written(context)?))
}

/// `DeleteRole`: not while policies are attached.
fn delete(context: &mut Context<'_>) -> HandlerResult {
    let name = context.text("RoleName").to_owned();
    change(context, |iam| {
        if !role_mut(iam, &name)?.permissions.policies.is_empty() {
            let text = "Cannot delete entity, must detach all policies first.";
            return Err(conflict("DeleteConflict", text));
        }
        iam.roles.retain(|it| it.name != name);
        Ok(())
    })?;
    Ok(Output::Nothing)
}

/// The name of a policy of AWS's, or the ARN of another.
fn short(arn: &str) -> String {
    let own = arn.strip_prefix("arn:aws:iam::aws:policy/");
    own.map_or(arn, |path| path.rsplit('/').next().unwrap_or(path))
        .to_owned()
}

/// Whether a managed policy can be attached. AWS has more of its own than are known here, so that none of them is
/// refused.
fn there(iam: &Iam, account: &str, arn: &str) -> Result<(), ApiError> {
    let own = format!("arn:aws:iam::{account}:policy/");
    let is_there = if arn.starts_with(&own) {
        managed(iam, arn).is_some()
    } else {
        arn.starts_with("arn:aws:iam::aws:policy/")
    };
    if is_there {
        return Ok(());
    }
    let text = format!("Policy {arn} does not exist or is not attachable.");
    Err(ApiError::new("NoSuchEntity", text))
}

fn is_same(held: &str, arn: &str) -> bool {
    short(held) == short(arn)
}

/// `AttachRolePolicy`: one that is attached already stays so.
fn attach(context: &mut Context<'_>) -> HandlerResult {
    let (name, arn) = (
        context.text("RoleName").to_owned(),
        context.text("PolicyArn").to_owned(),
    );
    let account = context.caller.account.clone();
    change(context, |iam| {
        there(iam, &account, &arn)?;
        let held = &mut role_mut(iam, &name)?.permissions.policies;
        if held.iter().any(|it| is_same(it, &arn)) {
            return Ok(());
        }
        if held.len() >= POLICIES_PER_ROLE {
            let text = format!("Cannot exceed quota for PoliciesPerRole: {POLICIES_PER_ROLE}");
            return Err(conflict("LimitExceeded", text));
        }
        held.push(short(&arn));
        Ok(())
    })?;
    Ok(Output::Nothing)
}

/// `DetachRolePolicy`
fn detach(context: &mut Context<'_>) -> HandlerResult {
    let (name, arn) = (
        context.text("RoleName").to_owned(),
        context.text("PolicyArn").to_owned(),
    );
    change(context, |iam| {
        let held = &mut role_mut(iam, &name)?.permissions.policies;
        let before = held.len();
        held.retain(|it| !is_same(it, &arn));
        if held.len() == before {
            let text = format!("Policy {arn} was not found.");
            return Err(ApiError::new("NoSuchEntity", text));
        }
        Ok(())
    })?;
    Ok(Output::Nothing)
}
