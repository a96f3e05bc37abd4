//! Entitlements: a role for a user or a group. Creation and deletion are idempotent.

use std::ops::Bound;

use serde_json::{Value, json};

use super::{ApiError, Context, HandlerResult, Output, absent, application, conflict, invalid};
use crate::core::{
    account_access::{AccessEntitlement, PRINCIPAL, TRUSTED_ACTIONS, account_of_role},
    authorize,
    entities::{Id, PrincipalType},
    errors::ErrorClass,
    issue::whole_seconds,
    roles,
    settle::duration,
    state::SimState,
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("CreateEntitlement", Writes(create)),
    ("GetEntitlement", Reads(get)),
    ("ListEntitlements", Reads(list)),
    ("DeleteEntitlement", Writes(delete)),
];

fn principal(within: Option<&Value>) -> Result<Option<(PrincipalType, &str)>, ApiError> {
    let within = within.and_then(|it| it.pointer("/principal/identityCenter"));
    let text = |name: &str| within?.get(name)?.as_str();
    match (text("userId"), text("groupId")) {
        (Some(_), Some(_)) => Err(invalid("Name either a user or a group.")),
        (Some(user), None) => Ok(Some((PrincipalType::User, user))),
        (None, Some(group)) => Ok(Some((PrincipalType::Group, group))),
        (None, None) => Ok(None),
    }
}

fn create(context: &mut Context<'_>) -> HandlerResult {
    let now = context.now;
    if application(context)?.ready > now {
        return Err(conflict("The application is not active."));
    }
    let wanted = context.call.input.pointer("/entitlement/principalRole");
    let role = wanted.and_then(|it| it.get("roleArn")?.as_str());
    let (Some((principal_type, principal)), Some(role)) = (principal(wanted)?, role) else {
        return Err(invalid("An entitlement names a principal and a role."));
    };
    let state = &context.state;
    check_role(state, role)?;
    if !state.principal_exists(principal_type, principal) {
        return Err(absent("principal", principal));
    }
    if let Some(stands) = state.account_access.find(role, principal) {
        return Ok(Output::Members(json!({ "entitlementId": stands.id })));
    }
    if matches!(principal_type, PrincipalType::Group) && state.account_access.is_full(role) {
        let text = "The role has as many groups as it may.";
        return Err(ApiError::new("ServiceQuotaExceededException", text));
    }
    check_under_way(context)?;
    let id = format!("ent-{}", context.random().hex(16));
    let account = account_of_role(role).unwrap_or_default();
    let row = AccessEntitlement {
        id: id.as_str().into(),
        role: role.to_owned(),
        account: account.into(),
        principal_type,
        principal: principal.into(),
        created: now,
    };
    let seen = begin_write(context);
    let place = context.state.place(&id);
    let entitlements = &mut context.state.account_access.entitlements;
    entitlements.put(place, row, seen, now);
    Ok(Output::Members(json!({ "entitlementId": id })))
}

/// The role must exist and trust account access manager.
fn check_role(state: &SimState, arn: &str) -> Result<(), ApiError> {
    let role = roles::find(state, arn).ok_or_else(|| absent("role", arn))?;
    if authorize::lets_service(&role, PRINCIPAL, &TRUSTED_ACTIONS) {
        return Ok(());
    }
    Err(invalid(format!(
        "The trust policy of {arn} does not let {PRINCIPAL} assume the role, set its context and tag its session."
    )))
}

fn check_under_way(context: &Context<'_>) -> Result<(), ApiError> {
    let limits = &context.state.settings.limits;
    let most = limits.get("account-access").and_then(|it| it.outstanding);
    if !context.state.account_access.is_busy(most, context.now) {
        return Ok(());
    }
    let text = "There are too many requests processing. Please try again later.";
    let error = ApiError::new("ThrottlingException", text);
    Err(error.class(ErrorClass::Throttled))
}

/// Starts a write; returns when readers see it.
fn begin_write(context: &mut Context<'_>) -> i64 {
    let speed = context.state.settings.speed;
    let due = context.now + duration(speed, 0, context.random());
    let now = context.now;
    context.state.account_access.begin(due, now);
    context.write(Window::Assignment)
}

fn named<'a>(context: &'a Context<'_>) -> Option<&'a AccessEntitlement> {
    let place = context.state.place(context.text("entitlementId"));
    let entitlements = &context.state.account_access.entitlements;
    entitlements.seen(&place, context.reading_by_id)
}

fn details(context: &Context<'_>, row: &AccessEntitlement) -> Value {
    let member = match row.principal_type {
        PrincipalType::User => "userId",
        PrincipalType::Group => "groupId",
    };
    let account = context.state.account(&row.account);
    json!({
        "entitlementId": row.id,
        "entitlement": { "principalRole": {
            "principal": { "identityCenter": { member: row.principal } },
            "roleArn": row.role,
            "account": row.account,
            "accountName": account.map(|it| it.name.clone()),
        }},
        "createdAt": whole_seconds(row.created),
    })
}

fn get(context: &Context<'_>) -> HandlerResult {
    let arn = application(context)?.arn.clone();
    let id = context.text("entitlementId");
    let row = named(context).ok_or_else(|| absent("entitlement", id))?;
    let mut whole = details(context, row);
    if let Some(members) = whole.as_object_mut() {
        members.insert("applicationArn".to_owned(), arn.into());
    }
    Ok(Output::Members(whole))
}

/// `ListEntitlements`: requires a principal, role or account.
fn list(context: &Context<'_>) -> HandlerResult {
    application(context)?;
    let filter = context.call.input.pointer("/filter/principalRole");
    let text = |name: &str| filter.and_then(|it| it.get(name)?.as_str());
    let (principal, role, account) = (principal(filter)?, text("roleArn"), text("account"));
    if principal.is_none() && role.is_none() && account.is_none() {
        return Err(invalid("The filter names no principal, role or account."));
    }
    let page = context.page()?;
    let start = page.after.clone();
    let start = start.map_or(Bound::Unbounded, |(order, id)| {
        Bound::Excluded((order, Id::from(id.as_str())))
    });
    let entitlements = &context.state.account_access.entitlements;
    let rows = entitlements.range_seen(start, context.reading);
    let rows = rows.filter(|(_, row)| {
        principal.is_none_or(|it| it == (row.principal_type, &*row.principal))
            && role.is_none_or(|it| it == row.role)
            && account.is_none_or(|it| it == &*row.account)
    });
    let rows = rows.map(|((order, id), row)| (*order, id.to_string(), details(context, row)));
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}

fn delete(context: &mut Context<'_>) -> HandlerResult {
    application(context)?;
    let place = context.state.place(context.text("entitlementId"));
    let entitlements = &context.state.account_access.entitlements;
    if entitlements.latest(&place).is_some() {
        check_under_way(context)?;
        let (seen, now) = (begin_write(context), context.now);
        let entitlements = &mut context.state.account_access.entitlements;
        entitlements.remove(&place, seen, now);
    }
    Ok(Output::Members(json!({})))
}
