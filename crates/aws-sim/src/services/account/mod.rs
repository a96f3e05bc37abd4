//! AWS Account Management: Regions and contacts of accounts (`simulator.md` §2.7).

mod contacts;

use hallpass_aws_model::facts;
use serde_json::{Value, json};

use super::{OperationHandler::Reads, ServiceDescriptor};
use crate::{
    core::{
        call::Output,
        context::{Context, HandlerResult},
        entities::Account,
        errors::{self, ApiError},
        service::{BucketSharing, CallRates, ScopeRegions, SimService},
    },
    vocabulary::regions,
};

/// Needs trusted access before calls may name members.
const PRINCIPAL: &str = "account.amazonaws.com";
pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        scope: ScopeRegions::Global,
        rates: CallRates::one(
            BucketSharing::Account,
            facts::ACCOUNT_CALLS.rate(),
            facts::ACCOUNT_CALLS.rate(),
        ),
        errors: errors::REST_JSON_VALIDATION,
        secrets: &["NextToken"],
        page_rows: 20,
        ..SimService::named("Account", "account")
    },
    begin: |call| call.admit(),
    operations: &[
        &[
            ("ListRegions", Reads(list_regions)),
            ("GetRegionOptStatus", Reads(get_region_opt_status)),
        ],
        contacts::OPERATIONS,
    ],
};

fn list_regions(context: &Context<'_>) -> HandlerResult {
    let account = target(context)?;
    let page = context.page()?;
    let own = context.state.account(account);
    let wanted = context.call.input.get("RegionOptStatusContains");
    let wanted = wanted.and_then(Value::as_array);
    let after = page.after.as_ref().map(|(_, id)| id.clone());
    let rows = regions::all()
        .filter(|name| after.as_ref().is_none_or(|after| *name > after.as_str()))
        .map(|name| (name, opt_status(own, name)))
        .filter(|(_, status)| wanted.is_none_or(|all| all.iter().any(|one| one == status)))
        .map(|(name, status)| {
            let row = json!({"RegionName": name, "RegionOptStatus": status});
            (0, name.to_owned(), row)
        });
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}

fn get_region_opt_status(context: &Context<'_>) -> HandlerResult {
    let account = target(context)?;
    let name = context.text("RegionName");
    if !regions::is_known(name) {
        let text = format!("The Region name provided is invalid: {name}");
        return Err(ApiError::new("ValidationException", text));
    }
    let status = opt_status(context.state.account(account), name);
    Ok(Output::Members(
        json!({ "RegionName": name, "RegionOptStatus": status }),
    ))
}

fn opt_status(account: Option<&Account>, region: &str) -> &'static str {
    let on = account.is_some_and(|own| own.regions.iter().any(|one| one == region));
    match (regions::is_default(region), on) {
        (true, _) => "ENABLED_BY_DEFAULT",
        (false, true) => "ENABLED",
        (false, false) => "DISABLED",
    }
}

/// The target account: the caller's own, unless it names a member.
fn target<'a>(context: &Context<'a>) -> Result<&'a str, ApiError> {
    match context.optional("AccountId") {
        None => Ok(context.caller.account.as_str()),
        Some(member) => named(context, member),
    }
}

/// Resolves a member named by the management account with trusted access (AWS: "Enabling trusted
/// access for AWS Account Management"). All other cases get the same refusal.
fn named<'a>(context: &Context<'a>, member: &'a str) -> Result<&'a str, ApiError> {
    let head = &context.state.head;
    let manages = *head.management == context.caller.account;
    let trusted = head.service_access.iter().any(|one| one == PRINCIPAL);
    let is_member = context.state.account(member).is_some() && *head.management != *member;
    if manages && trusted && is_member {
        return Ok(member);
    }
    let text = format!(
        "User: {} is not authorized to perform: account:{}",
        context.caller.arn, context.call.operation
    );
    Err(ApiError::denied("AccessDeniedException", text))
}
