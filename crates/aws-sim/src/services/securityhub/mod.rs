//! AWS Security Hub: imported findings, the administrator's updates, insights, and some standards
//! and controls. Every change of a finding is an event, as on AWS, so a client that reacts with
//! changes receives further events.

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

fn place(region: &str) -> ServicePlace {
    ("securityhub".to_owned(), region.to_owned())
}

/// The Region's own administrator, else the one registered in Organizations (Security Hub User
/// Guide, "Removing or changing the delegated administrator": its API takes one out of one Region).
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
