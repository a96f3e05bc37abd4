use std::collections::BTreeMap;

use crate::base::{Bucket, Millis};
use serde_json::{Value, json};

use super::catalog::{STANDARDS, StandardKind, standard};
use super::configuration::is_managed;
use super::{ApiError, Context, HandlerResult, Output, invalid};
use crate::core::{
    administrators::taking,
    call::input_text,
    hubs::{HubPlace, SimHub, SimStandard},
    issue::whole_seconds,
    service::throttled,
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("DescribeHub", Reads(describe)),
    ("EnableSecurityHub", Writes(enable)),
    ("DisableSecurityHub", Writes(disable)),
    ("DescribeStandards", Reads(standards)),
    ("GetEnabledStandards", Reads(enabled)),
    ("BatchEnableStandards", Writes(enable_standards)),
    ("BatchDisableStandards", Writes(disable_standards)),
];

pub(super) fn place(context: &Context<'_>) -> HubPlace {
    (context.caller.account.clone(), context.call.region.clone())
}

pub(super) fn hub<'a>(context: &'a Context<'_>) -> Result<&'a SimHub, ApiError> {
    let account = &context.caller.account;
    let text = format!("Account {account} is not subscribed to AWS Security Hub");
    let found = context.state.hubs.get(&place(context));
    found.ok_or_else(|| ApiError::new("InvalidAccessException", text))
}

pub(super) fn hub_mut<'a>(context: &'a mut Context<'_>) -> Result<&'a mut SimHub, ApiError> {
    hub(context)?;
    let place = place(context);
    let found = context.state.hubs.get_mut(&place);
    found.ok_or_else(|| invalid("there is no hub".to_owned()))
}

fn hub_arn(context: &Context<'_>) -> String {
    let (account, region) = place(context);
    format!("arn:aws:securityhub:{region}:{account}:hub/default")
}

fn subscription_arn((account, region): &HubPlace, kind: &StandardKind) -> String {
    format!(
        "arn:aws:securityhub:{region}:{account}:subscription/{}",
        kind.short
    )
}

fn describe(context: &Context<'_>) -> HandlerResult {
    let hub = hub(context)?;
    Ok(Output::Members(json!({
        "HubArn": hub_arn(context), "SubscribedAt": whole_seconds(hub.since), "AutoEnableControls": true,
        "ControlFindingGenerator": hub.generator,
    })))
}

fn enable(context: &mut Context<'_>) -> HandlerResult {
    if hub(context).is_ok() {
        let text = "Account is already subscribed to Security Hub";
        return Err(ApiError::new("ResourceConflictException", text));
    }
    let input = &context.call.input;
    let defaults = input.get("EnableDefaultStandards").and_then(Value::as_bool);
    let generator = context.optional("ControlFindingGenerator");
    let hub = SimHub {
        since: context.now,
        generator: generator.unwrap_or("SECURITY_CONTROL").to_owned(),
        standards: BTreeMap::new(),
    };
    context.write(Window::Immediate);
    let place = place(context);
    context.state.hubs.insert(place, hub);
    for kind in STANDARDS
        .iter()
        .filter(|it| it.default && defaults != Some(false))
    {
        subscribe(context, kind)?;
    }
    Ok(Output::Members(json!({})))
}

fn disable(context: &mut Context<'_>) -> HandlerResult {
    hub(context)?;
    context.write(Window::Immediate);
    let place = place(context);
    context.state.hubs.remove(&place);
    Ok(Output::Members(json!({})))
}

fn standards(context: &Context<'_>) -> HandlerResult {
    hub(context)?;
    let page = context.page()?;
    let after = page.after.as_ref().map(|(_, id)| id.clone());
    let mut all: Vec<(String, &StandardKind)> = STANDARDS
        .iter()
        .map(|it| (it.arn(&context.call.region), it))
        .collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    let rows = all.into_iter().map(|(arn, it)| {
        let row = json!({
            "StandardsArn": arn, "Name": it.name, "Description": it.name, "EnabledByDefault": it.default,
            "StandardsManagedBy": { "Company": "AWS", "Product": "Security Hub" },
        });
        (0, arn, row)
    });
    let (rows, token) =
        page.take(rows.filter(|(_, id, _)| after.as_ref().is_none_or(|it| id > it)));
    Ok(context.paged(rows, token))
}

fn shape(context: &Context<'_>, arn: &str, kind: &StandardKind, it: &SimStandard) -> Value {
    let is_ready = it.ready <= context.now;
    let status = match (&it.refused, it.gone, is_ready) {
        (_, Some(_), _) => "DELETING",
        (_, None, false) => "PENDING",
        (Some(_), None, true) => "INCOMPLETE",
        (None, None, true) => "READY",
    };
    let updatable = if status == "READY" {
        "READY_FOR_UPDATES"
    } else {
        "NOT_READY_FOR_UPDATES"
    };
    let mut row = json!({
        "StandardsSubscriptionArn": subscription_arn(&place(context), kind), "StandardsArn": arn,
        "StandardsInput": {}, "StandardsStatus": status, "StandardsControlsUpdatable": updatable,
    });
    if let (Some(reason), "INCOMPLETE", Some(members)) = (&it.refused, status, row.as_object_mut())
    {
        members.insert(
            "StandardsStatusReason".to_owned(),
            json!({ "StatusReasonCode": reason }),
        );
    }
    row
}

fn is_there(it: &SimStandard, now: Millis) -> bool {
    it.gone.is_none_or(|gone| gone > now)
}

pub(super) fn subscribed<'a>(
    context: &'a Context<'_>,
) -> Result<impl Iterator<Item = (&'a String, &'static StandardKind, &'a SimStandard)>, ApiError> {
    let (now, region) = (context.now, context.call.region.as_str());
    let all = hub(context)?.standards.iter();
    let all = all.filter(move |(_, it)| is_there(it, now));
    Ok(all.filter_map(move |(arn, it)| Some((arn, standard(arn, region)?, it))))
}

fn enabled(context: &Context<'_>) -> HandlerResult {
    let wanted = context
        .call
        .input
        .get("StandardsSubscriptionArns")
        .and_then(Value::as_array);
    let is_meant = |row: &Value| {
        wanted.is_none_or(|all| {
            all.iter()
                .any(|it| Some(it) == row.get("StandardsSubscriptionArn"))
        })
    };
    let page = context.page()?;
    let after = page.after.as_ref().map(|(_, id)| id.clone());
    let rows =
        subscribed(context)?.map(|(arn, kind, it)| (0, arn.clone(), shape(context, arn, kind, it)));
    let rows = rows.filter(|(_, id, row)| is_meant(row) && after.as_ref().is_none_or(|it| id > it));
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}

/// A newly enabled standard has all controls on, regardless of earlier changes (AWS: "Disabling a
/// security standard").
fn subscribe(context: &mut Context<'_>, kind: &'static StandardKind) -> Result<(), ApiError> {
    let modifiers = &context.call.modifiers;
    let refused = modifiers.fail_async.as_ref().map(|it| it.reason.clone());
    let it = SimStandard {
        ready: context.now + taking(context.state.settings.speed) + modifiers.stuck_ms,
        refused,
        gone: None,
        controls: BTreeMap::new(),
    };
    let arn = kind.arn(&context.call.region);
    let now = context.now;
    let standards = &mut hub_mut(context)?.standards;
    if !standards.get(&arn).is_some_and(|it| is_there(it, now)) {
        standards.insert(arn, it);
    }
    Ok(())
}

/// An account under a policy cannot change standards and controls (AWS: "Centrally managed
/// targets"; code (?)).
pub(super) fn own(context: &Context<'_>) -> Result<(), ApiError> {
    if !is_managed(context.state, &context.caller.account) {
        return Ok(());
    }
    let text = "The account is centrally managed by a configuration policy";
    Err(ApiError::denied("AccessDeniedException", text))
}

/// One call a second and no burst (AWS: "Service quotas" of Security Hub).
fn admit(context: &mut Context<'_>) -> Result<(), ApiError> {
    if !context.state.settings.throttle {
        return Ok(());
    }
    let (account, region) = place(context);
    let (now, name) = (
        context.now,
        format!("securityhub/BatchEnableStandards/{account}/{region}"),
    );
    let bucket = context
        .state
        .buckets
        .entry(name)
        .or_insert_with(|| Bucket::full(1.0, now));
    if bucket.take(1.0, 1.0, now) {
        return Ok(());
    }
    let named = context
        .state
        .settings
        .behaviour
        .is("throttle_style", "named");
    Err(throttled(Some(context.call.service), named))
}

fn enable_standards(context: &mut Context<'_>) -> HandlerResult {
    hub(context)?;
    own(context)?;
    admit(context)?;
    let rows = context
        .call
        .input
        .get("StandardsSubscriptionRequests")
        .and_then(Value::as_array);
    let mut kinds = Vec::new();
    for row in rows.into_iter().flatten() {
        let arn = input_text(row, "StandardsArn").unwrap_or_default();
        let kind = standard(arn, &context.call.region);
        let kind = kind.ok_or_else(|| {
            invalid(format!(
                "Invalid parameter 'StandardsArn'. {arn} is not offered"
            ))
        })?;
        let leaving = hub(context)?.standards.get(arn);
        if leaving.is_some_and(|it| it.gone.is_some() && is_there(it, context.now)) {
            return Err(invalid(format!("The standard {arn} is being disabled")));
        }
        kinds.push(kind);
    }
    context.write(Window::Immediate);
    for kind in &kinds {
        subscribe(context, kind)?;
    }
    let rows =
        subscribed(context)?.filter(|(_, kind, _)| kinds.iter().any(|it| it.short == kind.short));
    let rows: Vec<Value> = rows
        .map(|(arn, kind, it)| shape(context, arn, kind, it))
        .collect();
    Ok(Output::Members(json!({ "StandardsSubscriptions": rows })))
}

/// `BatchDisableStandards`: discards control states.
fn disable_standards(context: &mut Context<'_>) -> HandlerResult {
    own(context)?;
    let place = place(context);
    let rows = context
        .call
        .input
        .get("StandardsSubscriptionArns")
        .and_then(Value::as_array);
    let mut arns = Vec::new();
    for wanted in rows.into_iter().flatten().filter_map(Value::as_str) {
        let mut all = subscribed(context)?;
        let found = all.find(|(_, kind, _)| subscription_arn(&place, kind) == wanted);
        let found = found.map(|(arn, ..)| arn.clone());
        arns.push(found.ok_or_else(|| {
            invalid(format!(
                "Invalid parameter 'StandardsSubscriptionArns'. {wanted} is not enabled"
            ))
        })?);
    }
    context.write(Window::Immediate);
    let gone = context.now + taking(context.state.settings.speed);
    let standards = &mut hub_mut(context)?.standards;
    for (_, it) in standards.iter_mut().filter(|(arn, _)| arns.contains(arn)) {
        it.gone.get_or_insert(gone);
        it.controls.clear();
    }
    let rows = subscribed(context)?.filter(|(arn, ..)| arns.contains(arn));
    let rows: Vec<Value> = rows
        .map(|(arn, kind, it)| shape(context, arn, kind, it))
        .collect();
    Ok(Output::Members(json!({ "StandardsSubscriptions": rows })))
}
