//! AWS Cost Explorer: all costs are zero. Months of one or all accounts, whole or by one dimension;
//! reservations and savings plans of the organization file. Refuses other input by name.

use hallpass_aws_model::message;
use jiff::{Span, civil::Date};
use serde_json::{Value, json};

use super::{OperationHandler::Reads, ServiceDescriptor};
use crate::core::{
    call::Output,
    context::{Context, HandlerResult},
    errors::{self, ApiError, ErrorForms},
    service::{BucketSharing, CallRates, ScopeRegions, SimService},
};
use crate::organization::StatedCommitment;

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        scope: ScopeRegions::Global,
        // not documented (?)
        rates: CallRates::one(BucketSharing::Account, 5.0, 10.0),
        errors: ErrorForms {
            invalid: |_, violations| ApiError::new("ValidationException", message(violations)),
            ..errors::JSON
        },
        secrets: &["NextPageToken"],
        ..SimService::named("CostExplorer", "ce")
    },
    begin: |call| call.admit(),
    operations: &[&[
        ("GetCostAndUsage", Reads(cost_and_usage)),
        ("GetReservationUtilization", Reads(reservations)),
        ("GetSavingsPlansUtilizationDetails", Reads(savings_plans)),
    ]],
};

/// Maximum months of an answer.
const MONTHS_MAX: usize = 38;

fn refused(text: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", text)
}

fn not_simulated(what: &str) -> ApiError {
    refused(format!("ce:GetCostAndUsage {what} is not simulated"))
}

/// Cost Explorer's error without data (AWS: `GetReservationUtilization`, errors).
fn no_data() -> ApiError {
    ApiError::new("DataUnavailableException", "Data is unavailable.")
}

/// Commitments visible to the caller: its own, or in the management account all.
fn owned<'a>(context: &'a Context<'_>, kind: &str) -> Result<Vec<&'a StatedCommitment>, ApiError> {
    let own = &context.caller.account;
    let sees_all = context.state.head.management == *own;
    let all = context.state.commitments.iter();
    let found: Vec<&StatedCommitment> = all
        .filter(|it| it.kind == kind && (sees_all || it.account == *own))
        .collect();
    if found.is_empty() {
        return Err(no_data());
    }
    Ok(found)
}

fn period(context: &Context<'_>) -> Value {
    context
        .call
        .input
        .get("TimePeriod")
        .cloned()
        .unwrap_or_default()
}

/// `GetReservationUtilization`, by subscription, with zero use.
fn reservations(context: &Context<'_>) -> HandlerResult {
    let group = context.call.input.pointer("/GroupBy/0/Key");
    if group.and_then(Value::as_str) != Some("SUBSCRIPTION_ID") {
        return Err(refused(
            "ce:GetReservationUtilization without a group by SUBSCRIPTION_ID is not simulated",
        ));
    }
    let rows = owned(context, "reservation")?;
    let rows = rows.into_iter().map(|it| {
        json!({ "Key": "SUBSCRIPTION_ID", "Value": it.id, "Attributes": { "accountId": it.account } })
    });
    let rows: Vec<Value> = rows.collect();
    Ok(Output::Members(json!({
        "UtilizationsByTime": [{ "TimePeriod": period(context), "Groups": rows }],
    })))
}

/// `GetSavingsPlansUtilizationDetails`, with zero use.
fn savings_plans(context: &Context<'_>) -> HandlerResult {
    let rows = owned(context, "savings_plan")?;
    let rows = rows.into_iter().map(|it| {
        let (account, id) = (&it.account, &it.id);
        json!({ "SavingsPlanArn": format!("arn:aws:savingsplans::{account}:savingsplan/{id}") })
    });
    let rows: Vec<Value> = rows.collect();
    Ok(Output::Members(json!({
        "SavingsPlansUtilizationDetails": rows, "TimePeriod": period(context),
    })))
}

fn cost_and_usage(context: &Context<'_>) -> HandlerResult {
    let input = &context.call.input;
    if context.text("Granularity") != "MONTHLY" {
        return Err(not_simulated("by another granularity than MONTHLY"));
    }
    if let Some(filter) = input.get("Filter").filter(|it| !it.is_null()) {
        let key = filter.pointer("/Dimensions/Key").and_then(Value::as_str);
        if key != Some("LINKED_ACCOUNT") {
            return Err(not_simulated("with another filter than by LINKED_ACCOUNT"));
        }
    }
    let metrics = input.get("Metrics").and_then(Value::as_array);
    let metrics: Vec<&str> = metrics
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let is_grouped = input
        .get("GroupBy")
        .and_then(Value::as_array)
        .is_some_and(|it| !it.is_empty());
    let day = |name: &str| -> Result<Date, ApiError> {
        let text = input.pointer(&format!("/TimePeriod/{name}"));
        let day = text.and_then(Value::as_str).and_then(|it| it.parse().ok());
        day.ok_or_else(|| refused(format!("{name} is not a day")))
    };
    let (mut start, end) = (day("Start")?, day("End")?);
    if start >= end {
        return Err(refused(
            "Start date (and hour) should be before end date (and hour)",
        ));
    }
    let total = metrics.iter().filter(|_| !is_grouped).map(|metric| {
        let zero = json!({ "Amount": "0", "Unit": "USD" });
        ((*metric).to_owned(), zero)
    });
    let total: serde_json::Map<String, Value> = total.collect();
    let mut months = Vec::new();
    while start < end && months.len() < MONTHS_MAX {
        let next = start.first_of_month().saturating_add(Span::new().months(1));
        let until = next.min(end);
        months.push(json!({
            "TimePeriod": { "Start": start.to_string(), "End": until.to_string() },
            "Total": total, "Groups": [], "Estimated": false,
        }));
        start = until;
    }
    Ok(Output::Members(json!({
        "ResultsByTime": months, "DimensionValueAttributes": [],
        "GroupDefinitions": input.get("GroupBy").cloned().unwrap_or_else(|| json!([])),
    })))
}
