use hallpass_aws_model::facts;
use hallpass_iam::{Policy, PolicyType};
use serde_json::Value;

use super::{
    ApiError, Context, HandlerResult,
    attachable::check_attachable,
    changes::{change, conflict, unmodifiable},
    no_entity, roles as shown_roles, single,
};
use crate::services::{OperationHandler::Writes, OperationRow};
use crate::{
    core::{
        call::Output, issue::whole_seconds, limits::POLICIES_PER_ROLE, portal::RESERVED_PREFIX,
        roles, state::SimState, tag_keys::given_tags,
    },
    organization::{Iam, IamPolicies, IamRole},
};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("CreateRole", Writes(create)),
    ("DeleteRole", Writes(delete)),
    ("AttachRolePolicy", Writes(attach)),
    ("DetachRolePolicy", Writes(detach)),
];

/// Without white space.
const TRUST_MAX: usize = facts::TRUST_POLICY_CHARACTERS.count();
/// Reserved for AWS's roles (IAM User Guide, "Create a service-linked role").
const LINKED_PATH: &str = "/aws-service-role/";

fn malformed(why: &str) -> ApiError {
    ApiError::new("MalformedPolicyDocument", why)
}

/// Parses a trust policy: the stored document, and its principals.
fn trusted(state: &SimState, text: &str) -> Result<(Value, Vec<String>), ApiError> {
    let document: Value =
        serde_json::from_str(text).map_err(|_| malformed("This policy contains invalid Json"))?;
    Policy::parse(text, PolicyType::Trust).map_err(|error| malformed(&error.to_string()))?;
    let statements = match document.get("Statement") {
        Some(Value::Array(all)) => all.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    if text.chars().filter(|it| !it.is_whitespace()).count() > TRUST_MAX {
        let text = format!("Cannot exceed quota for ACLSizePerRole: {TRUST_MAX}");
        return Err(conflict("LimitExceeded", text));
    }
    let actions = statements.iter().filter_map(|it| it.get("Action"));
    if !actions.flat_map(texts).all(is_of_sessions) {
        return Err(malformed(
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ));
    }
    let principals = statements.iter().filter_map(|it| it.get("Principal"));
    let named = principals.filter_map(Value::as_object);
    let mut found = Vec::new();
    for (kind, value) in named.flatten() {
        for name in texts(value) {
            if !is_principal(state, kind, name) {
                let kind = kind.to_uppercase();
                let text = format!("Invalid principal in policy: \"{kind}\":\"{name}\"");
                return Err(malformed(&text));
            }
            found.push(name.to_owned());
        }
    }
    Ok((document, found))
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let all = match value {
        Value::Array(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    all.iter().filter_map(Value::as_str)
}

/// A trust policy may only name STS actions that create sessions.
fn is_of_sessions(action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    let name = action.strip_prefix("sts:").unwrap_or_default();
    let whole = ["tagsession", "setsourceidentity", "setcontext", "*"];
    name.starts_with("assumerole") || whole.contains(&name)
}

/// Whether a principal exists; accounts outside the organization are assumed to.
fn is_principal(state: &SimState, kind: &str, name: &str) -> bool {
    let is_account = |it: &str| it.len() == 12 && it.bytes().all(|it| it.is_ascii_digit());
    match kind {
        "Service" => name.ends_with(".amazonaws.com") || name.ends_with(".amazonaws.com.cn"),
        "AWS" if name == "*" || is_account(name) => true,
        "AWS" => {
            let parts: Vec<&str> = name.splitn(6, ':').collect();
            let ["arn", _, service, "", account, rest] = parts[..] else {
                return false;
            };
            let is_known = state.account(account).is_some();
            match (service, rest.split_once('/')) {
                ("iam", None) => rest == "root" && is_account(account),
                ("iam", Some(("role", _))) => !is_known || roles::find(state, name).is_some(),
                ("iam", Some(("user", path))) => {
                    let user = path.rsplit('/').next().unwrap_or_default();
                    let iam = state.iam_now(account);
                    !is_known || iam.users.iter().any(|it| it.name == user)
                }
                ("sts", Some(("assumed-role" | "federated-user", _))) => is_account(account),
                _ => false,
            }
        }
        _ => true,
    }
}

fn role_mut<'a>(iam: &'a mut Iam, name: &str) -> Result<&'a mut IamRole, ApiError> {
    // Identity Center's roles are protected (IAM API Reference, "UnmodifiableEntity")
    if name.starts_with(RESERVED_PREFIX) {
        return Err(unmodifiable(name));
    }
    let found = iam.roles.iter_mut().find(|it| it.name == name);
    found.ok_or_else(|| no_entity("role", name))
}

fn create(context: &mut Context<'_>) -> HandlerResult {
    let (document, trust) = trusted(context.state, context.text("AssumeRolePolicyDocument"))?;
    if context
        .optional("Path")
        .is_some_and(|it| it.starts_with(LINKED_PATH))
    {
        let text = format!("Roles under {LINKED_PATH} are made by CreateServiceLinkedRole.");
        return Err(ApiError::new("InvalidInput", text));
    }
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
        tags: given_tags(context.call.input.get("Tags"), "InvalidInput")?,
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
            check_attachable(iam, &account, arn)?;
        }
        let mut roles = iam.roles.iter();
        if roles.any(|it| it.name.eq_ignore_ascii_case(&role.name)) {
            let text = format!("Role with name {} already exists.", role.name);
            return Err(conflict("EntityAlreadyExists", text));
        }
        iam.roles.push(role);
        Ok(())
    })?;
    Ok(single("Role", shown_roles::as_written(context)?))
}

/// `DeleteRole`: requires no attached policies.
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

/// The name of an AWS policy, or the ARN of another.
fn short(arn: &str) -> String {
    let own = arn.strip_prefix("arn:aws:iam::aws:policy/");
    own.map_or(arn, |path| path.rsplit('/').next().unwrap_or(path))
        .to_owned()
}

fn is_same(held: &str, arn: &str) -> bool {
    short(held) == short(arn)
}

/// `AttachRolePolicy`: idempotent.
fn attach(context: &mut Context<'_>) -> HandlerResult {
    let (name, arn) = (
        context.text("RoleName").to_owned(),
        context.text("PolicyArn").to_owned(),
    );
    let account = context.caller.account.clone();
    change(context, |iam| {
        check_attachable(iam, &account, &arn)?;
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
