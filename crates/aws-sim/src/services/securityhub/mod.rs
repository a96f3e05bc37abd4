//! AWS Security Hub: findings that accounts import, what their administrator writes to them, and insights; standards
//! and their controls, of which there are some. Every change of a finding is an event, as on AWS, so that whoever
//! answers events with changes hears of them again.

mod administrators;
mod catalog;
mod configuration;
mod controls;
mod filters;
mod findings;
mod hubs;
mod insights;

use hallpass_aws_model::{facts, message};
use serde_json::{Value, json};

use super::{OperationHandler::Reads, ServiceDescriptor};
use crate::core::{
    administrators::ServicePlace,
    call::Output,
    context::{Context, HandlerResult},
    errors::{self, ApiError, ErrorForms},
    service::{BucketSharing, CallRates, SimService},
    state::SimState,
};

/// The service principal of its delegated administrator.
const PRINCIPAL: &str = "securityhub.amazonaws.com";

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        // those of most operations
        rates: CallRates::one(
            BucketSharing::AccountAndRegion,
            facts::FINDING_UPDATE_CALLS.rate(),
            facts::FINDING_UPDATE_BURST.rate(),
        ),
        errors: ErrorForms {
            unreadable: |text| ApiError::new("InvalidInputException", text),
            invalid: |_, violations| ApiError::new("InvalidInputException", message(violations)),
            page_token: || ApiError::new("InvalidInputException", "Invalid parameter 'NextToken'."),
            denied: |text| ApiError::denied("AccessDeniedException", text),
            ..errors::REST_JSON
        },
        secrets: &["NextToken"],
        ..SimService::named("SecurityHub", "securityhub")
    },
    begin: |call| call.admit(),
    operations: &[
        &[("ListFindingAggregators", Reads(aggregators))],
        findings::OPERATIONS,
        insights::OPERATIONS,
        administrators::OPERATIONS,
        hubs::OPERATIONS,
        controls::OPERATIONS,
        configuration::OPERATIONS,
    ],
};

fn invalid(text: String) -> ApiError {
    ApiError::new("InvalidInputException", text)
}

/// The service in a Region, as its administrators are kept.
fn place(region: &str) -> ServicePlace {
    ("securityhub".to_owned(), region.to_owned())
}

/// The account that sees the findings of all in a Region: whom the Region has, or whom Organizations names where
/// the Region was never asked (Security Hub User Guide, "Removing or changing the delegated administrator":
/// its API takes one out of one Region).
fn administrator<'s>(state: &'s SimState, region: &str) -> &'s str {
    let place = place(region);
    if let Some(held) = state.regional_administrators.get(&place) {
        return &held.account;
    }
    if state.without_administrator.contains(&place) {
        return &state.head.management;
    }
    let delegated = state
        .head
        .delegations
        .iter()
        .find(|it| it.service == PRINCIPAL);
    delegated.map_or(state.head.management.as_str(), |it| it.account.as_str())
}

/// `ListFindingAggregators`
#[expect(clippy::unnecessary_wraps, reason = "operations have one form")]
fn aggregators(context: &Context<'_>) -> HandlerResult {
    let region = context.state.finding_aggregation.as_deref();
    let own = *context.caller.account == *administrator(context.state, &context.call.region);
    let rows: Vec<Value> = region.filter(|_| own).map(|region| {
        let account = &context.caller.account;
        let id = crate::core::queues::uuid(context.state.seed, "finding aggregator");
        json!({ "FindingAggregatorArn": format!("arn:aws:securityhub:{region}:{account}:finding-aggregator/{id}") })
    }).into_iter().collect();
    Ok(Output::Members(json!({ "FindingAggregators": rows })))
}
