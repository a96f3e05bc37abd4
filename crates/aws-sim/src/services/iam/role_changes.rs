//! Roles come and go, with AWS's policies attached. Of a trust policy it is kept whom it names.

use hallpass_aws_model::facts;
use serde_json::Value;

use super::{
    ApiError, Context, HandlerResult,
    changes::{change, conflict},
    no_entity, roles, single,
};
use crate::services::{OperationHandler::Writes, OperationRow};
use crate::{
    core::{call::Output, entities::read_tags, issue::whole_seconds},
    organization::{Iam, IamRole},
};

/// What of this file is called by its name.
pub(super) const OPERATIONS: &[OperationRow] = &[
    ("CreateRole", Writes(create)),
    ("DeleteRole", Writes(delete)),
    ("AttachRolePolicy", Writes(attach)),
    ("DetachRolePolicy", Writes(detach)),
];

/// Policies of a role at most.
const POLICIES: usize = facts::MANAGED_POLICIES_PER_ROLE.count();

/// Principals that a trust policy lets in.
fn trusted(text: &str) -> Result<Vec<String>, ApiError> {
    let malformed = || {
        ApiError::new(
            "MalformedPolicyDocument",
            "This policy contains invalid Json",
        )
    };
    let document: Value = serde_json::from_str(text).map_err(|_| malformed())?;
    let statements = match document.get("Statement") {
        Some(Value::Array(all)) => all.clone(),
        Some(one @ Value::Object(_)) => vec![one.clone()],
        _ => return Err(malformed()),
    };
    let mut found = Vec::new();
    for statement in statements {
        let principal = statement.get("Principal").cloned().unwrap_or_default();
        for value in principal.as_object().into_iter().flat_map(|it| it.values()) {
            match value {
                Value::String(one) => found.push(one.clone()),
                Value::Array(all) => {
                    found.extend(all.iter().filter_map(Value::as_str).map(str::to_owned));
                }
                _ => return Err(malformed()),
            }
        }
    }
    Ok(found)
}

fn role_mut<'a>(iam: &'a mut Iam, name: &str) -> Result<&'a mut IamRole, ApiError> {
    let found = iam.roles.iter_mut().find(|it| it.name == name);
    found.ok_or_else(|| no_entity("role", name))
}

/// `CreateRole`
fn create(context: &mut Context<'_>) -> HandlerResult {
    let role = IamRole {
        name: context.text("RoleName").to_owned(),
        path: context.optional("Path").map(str::to_owned),
        created: Some(whole_seconds(context.now)),
        trust: trusted(context.text("AssumeRolePolicyDocument"))?,
        tags: read_tags(context.call.input.get("Tags")),
        ..IamRole::default()
    };
    change(context, |iam| {
        if iam.roles.iter().any(|it| it.name == role.name) {
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

fn is_same(held: &str, arn: &str) -> bool {
    short(held) == short(arn)
}

/// `AttachRolePolicy`: one that is attached already stays so.
fn attach(context: &mut Context<'_>) -> HandlerResult {
    let (name, arn) = (
        context.text("RoleName").to_owned(),
        context.text("PolicyArn").to_owned(),
    );
    change(context, |iam| {
        let held = &mut role_mut(iam, &name)?.permissions.policies;
        if held.iter().any(|it| is_same(it, &arn)) {
            return Ok(());
        }
        if held.len() >= POLICIES {
            let text = format!("Cannot exceed quota for PoliciesPerRole: {POLICIES}");
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
