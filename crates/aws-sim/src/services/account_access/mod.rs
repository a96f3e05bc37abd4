//! Account access manager (`account-access`): IAM roles for users and groups without a permission
//! set (`simulator.md` §2.10).

mod applications;
mod entitlements;

use hallpass_aws_model::facts;
use serde_json::Value;

use super::ServiceDescriptor;
use crate::core::{
    account_access::AccessApplication,
    call::{Output, input_text},
    caller::AwsCaller,
    clearance::{self, CallableIn},
    context::{Context, HandlerResult},
    errors::{self, ApiError, ErrorForms},
    service::{BucketSharing, CallRates, PolicyFacts, SimService},
    state::SimState,
};

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        rates: CallRates::one(
            BucketSharing::Everybody,
            facts::ENTITLEMENT_CALLS.rate(),
            facts::ENTITLEMENT_CALLS.rate(),
        ),
        errors: ErrorForms {
            page_token: || ApiError::new("ValidationException", "The token is not valid."),
            throttled: || ApiError::new("ThrottlingException", "Rate exceeded"),
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
    operations: &[applications::OPERATIONS, entitlements::OPERATIONS],
};

fn resources(_: &SimState, _: &AwsCaller, _: &str, input: &Value) -> Vec<String> {
    let arn = input_text(input, "applicationArn");
    arn.map(str::to_owned).into_iter().collect()
}

fn begin(context: &mut Context<'_>) -> Result<(), ApiError> {
    let home = CallableIn::HomeRegion;
    if !clearance::may_use_identity_center(context.state, context.call, context.caller, home) {
        let text = format!(
            "User: {} is not authorized to perform: account-access:{}",
            context.caller.arn, context.call.operation
        );
        return Err(ApiError::denied("AccessDeniedException", text));
    }
    context.admit()
}

fn application<'a>(context: &'a Context<'_>) -> Result<&'a AccessApplication, ApiError> {
    let arn = context.text("applicationArn");
    let found = context.state.account_access.application.as_ref();
    found
        .filter(|it| it.arn == arn)
        .ok_or_else(|| absent("application", arn))
}

fn absent(what: &str, name: &str) -> ApiError {
    let text = format!("There is no {what} {name}.");
    ApiError::new("ResourceNotFoundException", text)
}

fn invalid(text: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", text)
}

fn conflict(text: &str) -> ApiError {
    ApiError::new("ConflictException", text)
}
