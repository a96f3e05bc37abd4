//! The instance.

use serde_json::{Value, json};

use super::{Context, HandlerResult, Output, seconds};
use crate::services::{OperationHandler::Reads, OperationRow};

/// What of this file is called by its name.
pub(super) const OPERATIONS: &[OperationRow] = &[
    ("ListInstances", Reads(list)),
    ("ListRegions", Reads(list_regions)),
];

fn row(context: &Context<'_>) -> Value {
    let center = &context.state.center;
    let mut row = json!({
        "InstanceArn": center.instance_arn,
        "IdentityStoreId": center.store,
        "OwnerAccountId": context.state.head.management,
    });
    if let Some(members) = row.as_object_mut() {
        if let Some(name) = &center.name {
            members.insert("Name".to_owned(), name.clone().into());
        }
        members.insert("CreatedDate".to_owned(), seconds(center.created));
        members.insert("Status".to_owned(), "ACTIVE".into());
    }
    row
}

/// `ListInstances`: seen in the home Region only, unless asked for all (`simulator.md` R-13).
fn list(context: &Context<'_>) -> HandlerResult {
    let everywhere = context.text("RegionScope") == "ALL_REGIONS";
    let here = context.call.region == context.state.center.home_region;
    let known = context.state.account(&context.caller.account).is_some();
    let page = context.page()?;
    let mut instance = row(context);
    if let Some(members) = instance.as_object_mut() {
        let home = &context.state.center.home_region;
        members.insert("PrimaryRegion".to_owned(), home.clone().into());
        members.insert(
            "Regions".to_owned(),
            json!([{"RegionName": home, "Status": "ACTIVE"}]),
        );
    }
    let visible = ((here || everywhere) && known && page.after.is_none()).then_some(instance);
    let (rows, token) = page.take(
        visible
            .into_iter()
            .map(|row| (0, "instance".to_owned(), row)),
    );
    Ok(context.paged(rows, token))
}

/// `DescribeInstance`
pub(super) fn describe(context: &Context<'_>) -> Output {
    Output::Members(row(context))
}

/// `ListRegions`: the home Region is the only one.
fn list_regions(context: &Context<'_>) -> HandlerResult {
    let center = &context.state.center;
    let page = context.page()?;
    let home = page.after.is_none().then(|| {
        json!({
            "RegionName": center.home_region, "Status": "ACTIVE",
            "AddedDate": seconds(center.created), "IsPrimaryRegion": true,
        })
    });
    let rows = home.into_iter().map(|row| (0, "home".to_owned(), row));
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}
