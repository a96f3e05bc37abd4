//! Assuming roles.

use serde_json::{Value, json};

use super::{Answer, ApiError, Context, Output, issue};
use crate::core::{
    call::{Caller, CallerKind},
    roles::{self, Role},
};

fn refused(context: &Context<'_>, role: &str) -> ApiError {
    ApiError::denied(
        "AccessDenied",
        format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {role}",
            context.caller.arn
        ),
    )
    .status(403)
}

fn invalid(message: &str) -> ApiError {
    ApiError::new("ValidationError", message)
}

/// `AssumeRole`
pub(super) fn assume(context: &mut Context<'_>) -> Answer {
    let arn = context.text("RoleArn");
    if context.caller.kind == CallerKind::Root {
        return Err(
            ApiError::denied("AccessDenied", "Roles may not be assumed by root accounts.")
                .status(403),
        );
    }
    let role = roles::find(context.state, arn).filter(|role| may(context, role));
    let role = role.ok_or_else(|| refused(context, arn))?;
    let policy = context.optional("Policy");
    if policy.is_some_and(|policy| serde_json::from_str::<Value>(policy).is_err()) {
        return Err(ApiError::new(
            "MalformedPolicyDocument",
            "The policy is not valid JSON.",
        ));
    }
    let wanted = context
        .call
        .input
        .get("DurationSeconds")
        .and_then(Value::as_u64);
    let seconds = u32::try_from(wanted.unwrap_or(3600)).unwrap_or(u32::MAX);
    if seconds > role.max_session {
        return Err(invalid(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    if context.caller.kind == CallerKind::Session && seconds > 3600 {
        return Err(invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ));
    }
    let name = context.text("RoleSessionName");
    let source_identity = context
        .optional("SourceIdentity")
        .map(str::to_owned)
        .or_else(|| context.caller.source_identity.clone());
    let caller = roles::session(context.state.seed, &role, name, source_identity.clone());
    let (seed, now) = (context.state.seed, context.now);
    let (caller, credentials) = issue(seed, caller, context.random(), now, seconds);
    let mut answer = json!({
        "Credentials": credentials,
        "AssumedRoleUser": { "AssumedRoleId": caller.user_id, "Arn": caller.arn },
    });
    if let (Some(source_identity), Some(members)) = (source_identity, answer.as_object_mut()) {
        members.insert("SourceIdentity".to_owned(), source_identity.into());
    }
    Ok(Output::Members(answer))
}

fn may(context: &Context<'_>, role: &Role) -> bool {
    let state = &context.state;
    let active = state
        .account(&role.account)
        .is_none_or(crate::core::entities::Account::is_active);
    if !active {
        return false;
    }
    if !state.settings.authorize {
        return role.account == context.caller.account;
    }
    let external = context.optional("ExternalId");
    let external_id = role
        .external_id
        .as_deref()
        .is_none_or(|wanted| external == Some(wanted));
    external_id
        && role
            .trust
            .iter()
            .any(|principal| trusts(principal, context.caller))
}

/// Whether a principal of a trust policy stands for the caller.
fn trusts(principal: &str, caller: &Caller) -> bool {
    let root = format!("arn:aws:iam::{}:root", caller.account);
    if principal == "*"
        || principal == root
        || principal == caller.account
        || principal == caller.arn
    {
        return true;
    }
    // a session's ARN names its role without the path
    let mut steps = caller.arn.split('/');
    let (Some(head), Some(role)) = (steps.next(), steps.next()) else {
        return false;
    };
    let of_account = principal.starts_with(&format!("arn:aws:iam::{}:role/", caller.account));
    head.ends_with(":assumed-role") && of_account && principal.rsplit('/').next() == Some(role)
}

/// `GetSessionToken`: the same principal, for a while.
pub(super) fn session_token(context: &mut Context<'_>) -> Answer {
    if context.caller.kind == CallerKind::Session {
        return Err(ApiError::denied(
            "AccessDenied",
            "Cannot call GetSessionToken with session credentials",
        )
        .status(403));
    }
    let wanted = context
        .call
        .input
        .get("DurationSeconds")
        .and_then(Value::as_u64);
    let seconds = u32::try_from(wanted.unwrap_or(43_200)).unwrap_or(43_200);
    let (seed, now, caller) = (context.state.seed, context.now, context.caller.clone());
    let (_, credentials) = issue(seed, caller, context.random(), now, seconds);
    Ok(Output::Members(json!({ "Credentials": credentials })))
}
