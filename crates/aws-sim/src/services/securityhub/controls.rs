use serde_json::{Value, json};

use super::catalog::{CONTROLS, ControlKind, STANDARDS, StandardKind, standard};
use super::hubs::{hub, hub_mut, own, place, subscribed};
use super::{ApiError, Context, HandlerResult, Output, invalid};
use crate::core::{
    call::{input_text, seconds},
    hubs::{SimControl, SimStandard},
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("ListSecurityControlDefinitions", Reads(definitions)),
    ("ListStandardsControlAssociations", Reads(associations)),
    ("BatchGetStandardsControlAssociations", Reads(get)),
    ("BatchUpdateStandardsControlAssociations", Writes(update)),
    ("UpdateStandardsControl", Writes(update_one)),
];

/// Maximum associations per request; the model has no limit (?).
const ASSOCIATIONS_MAX: usize = 100;

fn definitions(context: &Context<'_>) -> HandlerResult {
    let region = context.call.region.as_str();
    let of = match context.optional("StandardsArn") {
        Some(arn) => Some(standard(arn, region).ok_or_else(|| {
            invalid(format!(
                "Invalid parameter 'StandardsArn'. {arn} is not offered"
            ))
        })?),
        None => None,
    };
    let page = context.page()?;
    let after = page.after.as_ref().map(|(_, id)| id.clone());
    let is_meant = |it: &&ControlKind| of.is_none_or(|kind| name_in(kind, it.id).is_some());
    let mut all: Vec<&ControlKind> = CONTROLS.iter().filter(is_meant).collect();
    all.sort_by_key(|it| it.id);
    let rows = all.into_iter().map(|it| {
        let is_here = it.only.is_none_or(|only| only == region);
        let id = it.id;
        let row = json!({
            "SecurityControlId": id, "Title": it.title, "Description": it.title, "SeverityRating": it.severity,
            "RemediationUrl": format!("https://docs.aws.amazon.com/console/securityhub/{id}/remediation"),
            "CurrentRegionAvailability": if is_here { "AVAILABLE" } else { "UNAVAILABLE" },
            "CustomizableProperties": [], "ParameterDefinitions": {},
        });
        (0, id.to_owned(), row)
    });
    let (rows, token) =
        page.take(rows.filter(|(_, id, _)| after.as_ref().is_none_or(|it| id > it)));
    Ok(context.paged(rows, token))
}

fn name_in(kind: &StandardKind, id: &str) -> Option<&'static str> {
    let found = kind.controls.iter().find(|(it, _)| *it == id);
    found.map(|(_, name)| *name)
}

fn control_arn(context: &Context<'_>, kind: &StandardKind, name: &str) -> String {
    let (account, region) = place(context);
    format!(
        "arn:aws:securityhub:{region}:{account}:control/{}/{name}",
        kind.short
    )
}

fn summary(context: &Context<'_>, arn: &str, id: &str, it: &SimStandard) -> Value {
    let (account, region) = place(context);
    let changed = it.controls.get(id);
    let status = if changed.is_none_or(|it| it.on) {
        "ENABLED"
    } else {
        "DISABLED"
    };
    let mut row = json!({
        "StandardsArn": arn, "SecurityControlId": id,
        "SecurityControlArn": format!("arn:aws:securityhub:{region}:{account}:security-control/{id}"),
        "AssociationStatus": status,
    });
    if let (Some(changed), Some(members)) = (changed, row.as_object_mut()) {
        members.insert("UpdatedAt".to_owned(), seconds(changed.at));
        if let Some(reason) = &changed.reason {
            members.insert("UpdatedReason".to_owned(), reason.as_str().into());
        }
    }
    row
}

/// `ListStandardsControlAssociations`: in enabled standards.
fn associations(context: &Context<'_>) -> HandlerResult {
    let id = context.text("SecurityControlId");
    if CONTROLS.iter().all(|it| it.id != id) {
        return Err(invalid(format!(
            "Invalid parameter 'SecurityControlId'. {id} does not exist"
        )));
    }
    let page = context.page()?;
    let after = page.after.as_ref().map(|(_, id)| id.clone());
    let rows = subscribed(context)?.filter(|(_, kind, _)| name_in(kind, id).is_some());
    let rows = rows.map(|(arn, _, it)| (0, arn.clone(), summary(context, arn, id, it)));
    let (rows, token) =
        page.take(rows.filter(|(_, id, _)| after.as_ref().is_none_or(|it| id > it)));
    Ok(context.paged(rows, token))
}

fn rows<'a>(context: &Context<'a>, name: &str) -> Result<Vec<&'a Value>, ApiError> {
    let call = context.call;
    let found = call.input.get(name).and_then(Value::as_array);
    let found: Vec<&Value> = found.into_iter().flatten().collect();
    match found.len() {
        1..=ASSOCIATIONS_MAX => Ok(found),
        count => Err(invalid(format!(
            "Invalid parameter '{name}'. {count} is not between 1 and {ASSOCIATIONS_MAX}"
        ))),
    }
}

fn found<'a>(
    context: &'a Context<'_>,
    row: &Value,
) -> Result<Option<(&'static StandardKind, &'static str, &'a SimStandard)>, ApiError> {
    let wanted = input_text(row, "StandardsArn").unwrap_or_default();
    let id = input_text(row, "SecurityControlId").unwrap_or_default();
    let found = subscribed(context)?.find(|(arn, ..)| *arn == wanted);
    Ok(found.and_then(|(_, kind, it)| Some((kind, name_in(kind, id)?, it))))
}

fn get(context: &Context<'_>) -> HandlerResult {
    hub(context)?;
    let (mut details, mut unprocessed) = (Vec::new(), Vec::new());
    for row in rows(context, "StandardsControlAssociationIds")? {
        let text = |name| input_text(row, name).unwrap_or_default();
        let Some((kind, name, it)) = found(context, row)? else {
            unprocessed.push(json!({
                "StandardsControlAssociationId": row, "ErrorCode": "RESOURCE_NOT_FOUND",
                "ErrorReason": "The standard is not enabled, or does not have the control",
            }));
            continue;
        };
        let mut detail = summary(context, text("StandardsArn"), text("SecurityControlId"), it);
        if let Some(members) = detail.as_object_mut() {
            let arns = json!([control_arn(context, kind, name)]);
            members.insert("StandardsControlArns".to_owned(), arns);
        }
        details.push(detail);
    }
    Ok(Output::Members(json!({
        "StandardsControlAssociationDetails": details, "UnprocessedAssociations": unprocessed,
    })))
}

/// The error of an update, if any.
fn refusal(
    context: &Context<'_>,
    row: &Value,
) -> Result<Option<(&'static str, &'static str)>, ApiError> {
    Ok(match found(context, row)? {
        None => Some((
            "RESOURCE_NOT_FOUND",
            "The standard is not enabled, or does not have the control",
        )),
        Some((_, _, it)) if !is_ready(context, it) => {
            Some(("INVALID_INPUT", "The standard is not ready for updates"))
        }
        Some(_)
            if input_text(row, "AssociationStatus") == Some("DISABLED")
                && input_text(row, "UpdatedReason").is_none() =>
        {
            Some((
                "INVALID_INPUT",
                "UpdatedReason is required to disable a control",
            ))
        }
        Some(_) => None,
    })
}

fn is_ready(context: &Context<'_>, it: &SimStandard) -> bool {
    it.ready <= context.now && it.refused.is_none() && it.gone.is_none()
}

fn update(context: &mut Context<'_>) -> HandlerResult {
    hub(context)?;
    own(context)?;
    let mut unprocessed = Vec::new();
    for row in rows(context, "StandardsControlAssociationUpdates")? {
        if let Some((code, reason)) = refusal(context, row)? {
            unprocessed.push(json!({
                "StandardsControlAssociationUpdate": row, "ErrorCode": code, "ErrorReason": reason,
            }));
            continue;
        }
        let text = |name| input_text(row, name).map(str::to_owned);
        let arn = text("StandardsArn").unwrap_or_default();
        let id = text("SecurityControlId").unwrap_or_default();
        let on = text("AssociationStatus").as_deref() != Some("DISABLED");
        set(context, &arn, id, on, text("UpdatedReason"))?;
    }
    Ok(Output::Members(
        json!({ "UnprocessedAssociationUpdates": unprocessed }),
    ))
}

fn set(
    context: &mut Context<'_>,
    arn: &str,
    id: String,
    on: bool,
    reason: Option<String>,
) -> Result<(), ApiError> {
    context.write(Window::Immediate);
    let at = context.now;
    if let Some(it) = hub_mut(context)?.standards.get_mut(arn) {
        it.controls.insert(id, SimControl { on, reason, at });
    }
    Ok(())
}

fn update_one(context: &mut Context<'_>) -> HandlerResult {
    hub(context)?;
    own(context)?;
    let wanted = context.text("StandardsControlArn").to_owned();
    let region = context.call.region.clone();
    let all = STANDARDS
        .iter()
        .flat_map(|kind| kind.controls.iter().map(move |it| (kind, it)));
    let mut all = all.filter(|(kind, (_, name))| control_arn(context, kind, name) == wanted);
    let missing = || {
        let text = format!("The control {wanted} does not exist");
        ApiError::new("ResourceNotFoundException", text)
    };
    let (kind, (id, _)) = all.next().ok_or_else(missing)?;
    let arn = kind.arn(&region);
    let is_on =
        subscribed(context)?.any(|(it, _, standard)| *it == arn && is_ready(context, standard));
    if !is_on {
        return Err(invalid("The standard is not ready for updates".to_owned()));
    }
    let on = context.text("ControlStatus") != "DISABLED";
    let reason = context.optional("DisabledReason").map(str::to_owned);
    if !on && reason.is_none() {
        return Err(invalid(
            "DisabledReason is required to disable a control".to_owned(),
        ));
    }
    set(context, &arn, (*id).to_owned(), on, reason)?;
    Ok(Output::Members(json!({})))
}
