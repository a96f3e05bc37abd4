//! Account access manager (`account-access`): roles of IAM for people and groups, without a
//! permission set (`simulator.md` §2.10).

mod applications;
mod entitlements;

use serde_json::{Map, Value};

use super::{
    OperationHandler::{Reads, Writes},
    ServiceDescriptor,
};
use crate::core::{
    account_access::AccessApplication,
    call::{Output, input_text},
    caller::AwsCaller,
    clearance,
    context::{Context, HandlerResult},
    errors::{self, ApiError, ErrorForms},
    service::{BucketSharing, CallRates, PolicyFacts, SimService},
    state::SimState,
};

/// Rows on a page when the caller does not say (?).
const DEFAULT_PAGE: usize = 100;

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        rates: CallRates::one(BucketSharing::Everybody, 20.0, 20.0),
        errors: ErrorForms {
            page_token: || ApiError::new("ValidationException", "The token is not valid."),
            throttled: || ApiError::new("ThrottlingException", "Rate exceeded").status(429),
            ..errors::REST_JSON_VALIDATION
        },
        policies: Some(PolicyFacts {
            resources,
            ..PolicyFacts::BY_NAME
        }),
        secrets: &["nextToken"],
        ..SimService::named("AccountAccess", "account-access")
    },
    begin,
    operations: &[
        ("CreateApplication", Writes(applications::create)),
        ("GetApplication", Reads(applications::get)),
        ("ListApplications", Reads(applications::list)),
        ("DeleteApplication", Writes(applications::delete)),
        ("CreateEntitlement", Writes(entitlements::create)),
        ("GetEntitlement", Reads(entitlements::get)),
        ("ListEntitlements", Reads(entitlements::list)),
        ("DeleteEntitlement", Writes(entitlements::delete)),
    ],
};

fn resources(_: &SimState, _: &AwsCaller, _: &str, input: &Value) -> Vec<String> {
    let arn = input_text(input, "applicationArn");
    arn.map(str::to_owned).into_iter().collect()
}

fn begin(context: &mut Context<'_>) -> Result<(), ApiError> {
    if !clearance::may_use_identity_center(context.state, context.call, context.caller) {
        let text = format!(
            "User: {} is not authorized to perform: account-access:{}",
            context.caller.arn, context.call.operation
        );
        return Err(ApiError::denied("AccessDeniedException", text).status(403));
    }
    context.admit()
}

/// The application that a call names.
fn application<'a>(context: &'a Context<'_>) -> Result<&'a AccessApplication, ApiError> {
    let arn = context.text("applicationArn");
    let found = context.state.account_access.application.as_ref();
    found
        .filter(|it| it.arn == arn)
        .ok_or_else(|| absent("application", arn))
}

fn absent(what: &str, name: &str) -> ApiError {
    let text = format!("There is no {what} {name}.");
    ApiError::new("ResourceNotFoundException", text).status(404)
}

fn invalid(text: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", text)
}

fn conflict(text: &str) -> ApiError {
    ApiError::new("ConflictException", text).status(409)
}

/// One page, with the names of this service.
fn paged(name: &str, rows: Vec<Value>, token: Option<String>) -> Output {
    let mut members = Map::new();
    members.insert(name.to_owned(), Value::Array(rows));
    if let Some(token) = token {
        members.insert("nextToken".to_owned(), token.into());
    }
    Output::Members(Value::Object(members))
}
