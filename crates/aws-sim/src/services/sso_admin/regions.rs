use serde_json::{Value, json};

use super::{ApiError, Context, HandlerResult, Output, seconds};
use crate::core::{
    instance_regions::{AdditionalRegion, replicating},
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;
use crate::vocabulary::regions;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("ListRegions", Reads(list)),
    ("DescribeRegion", Reads(describe)),
    ("AddRegion", Writes(add)),
    ("RemoveRegion", Writes(remove)),
];

/// Home Region first.
pub(super) fn rows(context: &Context<'_>) -> Vec<Value> {
    let center = &context.state.center;
    let home = json!({
        "RegionName": center.home_region, "Status": "ACTIVE",
        "AddedDate": seconds(center.created), "IsPrimaryRegion": true,
    });
    let others = center.replicas(context.now).map(|it| {
        json!({
            "RegionName": it.name, "Status": it.status(context.now),
            "AddedDate": seconds(it.added), "IsPrimaryRegion": false,
        })
    });
    std::iter::once(home).chain(others).collect()
}

fn name(row: &Value) -> &str {
    row.get("RegionName")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn list(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let numbered = (0..).zip(rows(context));
    let rows = numbered
        .map(|(place, row)| (place, name(&row).to_owned(), row))
        .filter(|(place, name, _)| {
            let after = page.after.as_ref();
            after.is_none_or(|after| (*place, name.clone()) > *after)
        });
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}

fn not_there(region: &str) -> ApiError {
    ApiError::new(
        "ResourceNotFoundException",
        format!("The instance is not in Region {region}"),
    )
}

fn describe(context: &Context<'_>) -> HandlerResult {
    let wanted = context.text("RegionName");
    let found = rows(context).into_iter().find(|row| name(row) == wanted);
    found.map(Output::Members).ok_or_else(|| not_there(wanted))
}

/// Refuses while another Region is being added or removed, as the model of `RemoveRegion` states.
fn check_under_way(context: &Context<'_>) -> Result<(), ApiError> {
    let (center, now) = (&context.state.center, context.now);
    match center.replicas(now).find(|it| it.status(now) != "ACTIVE") {
        None => Ok(()),
        Some(other) => Err(ApiError::new(
            "ConflictException",
            format!("Region {} is being added or removed", other.name),
        )),
    }
}

/// `AddRegion`. Does not require a replicated customer key or an external identity source
/// (`simulator.md` §2.5).
fn add(context: &mut Context<'_>) -> HandlerResult {
    let wanted = context.text("RegionName");
    if !regions::is_known(wanted) {
        let text = format!("{wanted} is not a Region that an instance can be added to");
        return Err(ApiError::new("ValidationException", text));
    }
    check_under_way(context)?;
    if rows(context).iter().any(|row| name(row) == wanted) {
        let text = format!("The instance already is in Region {wanted}");
        return Err(ApiError::new("ConflictException", text));
    }
    let now = context.now;
    let added = AdditionalRegion {
        name: wanted.to_owned(),
        added: now,
        active_from: now + replicating(context.state.settings.speed),
        gone_at: None,
    };
    let status = added.status(now);
    context.write(Window::Immediate);
    let kept = &mut context.state.center.additional_regions;
    // a removed Region may be added again
    kept.retain(|it| it.name != wanted);
    kept.push(added);
    Ok(Output::Members(json!({ "Status": status })))
}

fn remove(context: &mut Context<'_>) -> HandlerResult {
    let wanted = context.text("RegionName");
    if wanted == context.state.center.home_region {
        let text = "The primary Region cannot be removed";
        return Err(ApiError::new("ValidationException", text));
    }
    check_under_way(context)?;
    let now = context.now;
    let gone = now + replicating(context.state.settings.speed);
    let kept = &mut context.state.center.additional_regions;
    kept.retain(|it| it.gone_at.is_none_or(|gone| now < gone));
    let found = kept.iter_mut().find(|it| it.name == wanted);
    let found = found.ok_or_else(|| not_there(wanted))?;
    found.gone_at = Some(gone);
    context.write(Window::Immediate);
    Ok(Output::Members(json!({ "Status": "REMOVING" })))
}
