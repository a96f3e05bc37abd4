//! The application: one per Identity Center instance.

use serde_json::{Value, json};

use super::{ApiError, Context, HandlerResult, Output, absent, application, conflict, invalid};
use crate::core::{
    account_access::{AccessApplication, AccountAccess},
    issue::whole_seconds,
    settle::duration,
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("CreateApplication", Writes(create)),
    ("GetApplication", Reads(get)),
    ("ListApplications", Reads(list)),
    ("DeleteApplication", Writes(delete)),
];

/// `CreateApplication`: returns an existing one.
fn create(context: &mut Context<'_>) -> HandlerResult {
    let instance = context
        .call
        .input
        .pointer("/identitySource/identityCenter/instanceArn");
    let instance = instance.and_then(Value::as_str);
    let instance = instance.ok_or_else(|| invalid("identitySource names nothing."))?;
    if instance != context.state.center.instance_arn {
        return Err(absent("instance", instance));
    }
    if context.state.account_access.application.is_none() {
        let speed = context.state.settings.speed;
        let ready = context.now + duration(speed, 0, context.random());
        context.write(Window::Immediate);
        let random = context.random().clone();
        let (home, management) = (
            &context.state.center.home_region,
            &context.state.head.management,
        );
        let made = AccountAccess::application(home, management, (context.now, ready), random);
        context.state.account_access.application = Some(made);
    }
    let arn = context.state.account_access.application.as_ref();
    Ok(Output::Members(
        json!({ "applicationArn": arn.map(|it| it.arn.clone()) }),
    ))
}

fn summary(it: &AccessApplication) -> Value {
    json!({
        "applicationArn": it.arn,
        "tenantId": it.tenant,
        "createdAt": whole_seconds(it.created),
        "updatedAt": whole_seconds(it.ready),
    })
}

fn get(context: &Context<'_>) -> HandlerResult {
    let it = application(context)?;
    let status = if it.ready > context.now {
        "CREATE_IN_PROGRESS"
    } else {
        "ACTIVE"
    };
    let mut whole = summary(it);
    if let Some(members) = whole.as_object_mut() {
        let instance = &context.state.center.instance_arn;
        let source = json!({ "identityCenter": { "instanceArn": instance } });
        members.remove("applicationArn");
        members.insert("identitySource".to_owned(), source);
        members.insert("status".to_owned(), status.into());
    }
    Ok(Output::Members(whole))
}

fn list(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let rows = context.state.account_access.application.iter();
    let rows = rows.filter(|_| page.after.is_none());
    let (rows, token) = page.take(rows.map(|it| (0, it.arn.clone(), summary(it))));
    Ok(context.paged(rows, token))
}

/// `DeleteApplication`: idempotent; refuses one with entitlements (?).
fn delete(context: &mut Context<'_>) -> HandlerResult {
    let there = application(context).is_ok();
    if there && context.state.account_access.entitlements.len() > 0 {
        return Err(has_entitlements());
    }
    if there {
        context.write(Window::Immediate);
        context.state.account_access.application = None;
    }
    Ok(Output::Members(json!({})))
}

fn has_entitlements() -> ApiError {
    conflict("The application has entitlements.")
}
