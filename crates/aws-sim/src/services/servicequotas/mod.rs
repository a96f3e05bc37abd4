//! Service Quotas: the account quota, and stated quotas of the management account. Requests are not
//! simulated.

use serde_json::{Value, json};

use super::{OperationHandler::Reads, ServiceDescriptor};
use crate::core::{
    call::Output,
    context::{Context, HandlerResult},
    errors::{self, ApiError, ErrorForms},
    limits::{ACCOUNTS_QUOTA, accounts_max},
    service::SimService,
    state::SimState,
};

const NAME: &str = "service-quotas";
/// Region for quotas of global services.
const GLOBAL: &str = "us-east-1";
const ORGANIZATIONS: &str = "organizations";

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        requests: crate::core::service::RequestForm::Table(NAME),
        errors: ErrorForms {
            invalid: |_, violations| {
                let text = hallpass_aws_model::message(violations);
                ApiError::new("IllegalArgumentException", text)
            },
            page_token: || {
                let text = "The pagination token is invalid.";
                ApiError::new("InvalidPaginationTokenException", text)
            },
            throttled: || ApiError::new("TooManyRequestsException", "Rate exceeded").status(429),
            internal: |text| ApiError::new("ServiceException", text),
            ..errors::JSON
        },
        secrets: &["NextToken"],
        page_rows: 100,
        ..SimService::named("ServiceQuotas", "servicequotas")
    },
    begin: |call| call.admit(),
    operations: &[&[
        ("GetServiceQuota", Reads(get)),
        ("ListServiceQuotas", Reads(list)),
    ]],
};

fn row(context: &Context<'_>, (service, code): (&str, &str), name: &str, value: f64) -> Value {
    let account = &context.caller.account;
    json!({
        "ServiceCode": service, "ServiceName": service, "QuotaCode": code, "QuotaName": name, "Value": value, "Unit": "None",
        "QuotaArn": format!("arn:aws:servicequotas::{account}:{service}/{code}"), "Adjustable": true, "GlobalQuota": true,
        "QuotaAppliedAtLevel": "ACCOUNT",
    })
}

fn quotas(context: &Context<'_>, service: &str) -> Vec<(String, Value)> {
    let state: &SimState = context.state;
    if context.caller.account != state.head.management || context.call.region != GLOBAL {
        return Vec::new();
    }
    let own = state.quotas.iter().filter(|it| it.service == service);
    let mut rows: Vec<(String, Value)> = own
        .filter(|it| it.code != ACCOUNTS_QUOTA)
        .map(|it| {
            let name = it.name.as_deref().unwrap_or(&it.code);
            let key = (service, it.code.as_str());
            (it.code.clone(), row(context, key, name, it.value))
        })
        .collect();
    if service == ORGANIZATIONS {
        let name = "Default maximum number of accounts";
        let key = (service, ACCOUNTS_QUOTA);
        let row = row(context, key, name, accounts_max(&state.quotas));
        rows.push((ACCOUNTS_QUOTA.to_owned(), row));
    }
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    rows
}

fn none(context: &Context<'_>) -> ApiError {
    let text = format!(
        "The request failed because the specified service ({}) or quota does not exist.",
        context.text("ServiceCode")
    );
    ApiError::new("NoSuchResourceException", text)
}

fn get(context: &Context<'_>) -> HandlerResult {
    let code = context.text("QuotaCode");
    let mut all = quotas(context, context.text("ServiceCode")).into_iter();
    let found = all.find(|(it, _)| it == code).map(|(_, row)| row);
    let found = found.ok_or_else(|| none(context))?;
    Ok(Output::Members(json!({ "Quota": found })))
}

fn list(context: &Context<'_>) -> HandlerResult {
    let mut rows = quotas(context, context.text("ServiceCode"));
    if rows.is_empty() {
        return Err(none(context));
    }
    if let Some(code) = context.optional("QuotaCode") {
        rows.retain(|(it, _)| it == code);
    }
    let mut output = context.listing(rows)?;
    if let Output::Members(members) = &mut output
        && let Some(Value::String(token)) = members.get_mut("NextToken")
    {
        // the model uses other characters in tokens
        *token = token.replace('-', "+").replace('_', "/");
    }
    Ok(output)
}
