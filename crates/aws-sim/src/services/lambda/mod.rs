//! Lambda: functions of the organization file with fixed results. Nothing runs.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{OperationHandler::Reads, ServiceDescriptor};
use crate::core::{
    call::{ObjectAnswer, Output, input_text},
    caller::AwsCaller,
    context::{Context, HandlerResult},
    errors::{self, ApiError, ErrorForms},
    service::{BucketSharing, CallRate, CallRates, PolicyFacts, SimService},
    state::SimState,
};
use crate::organization::StatedFunction;

const NAME: &str = "lambda";
/// The only version of a function.
const VERSION: &str = "$LATEST";
/// The header of a failed function.
const FUNCTION_ERROR: &str = "X-Amz-Function-Error";

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        // AWS Lambda Developer Guide, "Lambda quotas": 1,000 concurrently, ten times that a second
        rates: CallRates::One(CallRate {
            shared: BucketSharing::AccountAndRegion,
            rate: 10_000.0,
            burst: 10_000.0,
        }),
        errors: ErrorForms {
            unreadable: |text| ApiError::new("InvalidRequestContentException", text),
            internal: |text| ApiError::new("ServiceException", text),
            ..errors::REST_JSON_VALIDATION
        },
        policies: Some(PolicyFacts {
            other_actions: &[("Invoke", "InvokeFunction")],
            resources: |state, caller, _, input| {
                let named = input_text(input, "FunctionName").unwrap_or_default();
                let found = find(state, caller, named).map(arn);
                // a bare name means the caller's account
                let other = || match named.split_once(':') {
                    Some(("arn", _)) => named.to_owned(),
                    _ => format!("arn:aws:lambda:*:{}:function:{named}", caller.account),
                };
                vec![found.unwrap_or_else(other)]
            },
            ..PolicyFacts::BY_NAME
        }),
        ..SimService::named("Lambda", NAME)
    },
    begin: |call| call.admit(),
    operations: &[&[("Invoke", Reads(invoke))]],
};

fn arn(of: &StatedFunction) -> String {
    let (region, account, name) = (&of.region, &of.account, &of.name);
    format!("arn:aws:lambda:{region}:{account}:function:{name}")
}

/// By ARN, with or without version or alias, or by name in the caller's account.
fn find<'a>(state: &'a SimState, caller: &AwsCaller, named: &str) -> Option<&'a StatedFunction> {
    let is_it = |it: &&StatedFunction| {
        let rest = named.strip_prefix(&arn(it));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
            || (it.account == caller.account && it.name == named)
    };
    state.functions.iter().find(is_it)
}

fn found<'a>(context: &'a Context<'_>) -> Result<&'a StatedFunction, ApiError> {
    let named = context.text("FunctionName");
    let found = find(context.state, context.caller, named);
    let found = found.filter(|it| it.region == context.call.region);
    let missing = || {
        let text = format!("Function not found: {named}");
        ApiError::new("ResourceNotFoundException", text).status(404)
    };
    let found = found.ok_or_else(missing)?;
    let caller = &context.caller.account;
    if found.account != *caller && !found.shared_with.contains(caller) {
        let text = format!(
            "User: {} is not authorized to perform: lambda:InvokeFunction on resource: {} because no resource-based policy \
             allows the lambda:InvokeFunction action",
            context.caller.arn,
            arn(found)
        );
        return Err(ApiError::denied("AccessDeniedException", text).status(403));
    }
    Ok(found)
}

fn invoke(context: &Context<'_>) -> HandlerResult {
    let found = found(context)?;
    let answer = |http, headers, bytes: Vec<u8>| {
        let answer = ObjectAnswer {
            http,
            headers,
            bytes: Arc::from(bytes),
        };
        Ok(Output::Object(Box::new(answer)))
    };
    match context
        .optional("InvocationType")
        .unwrap_or("RequestResponse")
    {
        // checks only authorization
        "DryRun" => return answer(204, Vec::new(), Vec::new()),
        "Event" => return answer(202, Vec::new(), Vec::new()),
        _ => {}
    }
    let mut headers = vec![("X-Amz-Executed-Version".to_owned(), VERSION.to_owned())];
    let returned = match &found.error {
        None => found.returns.clone(),
        Some(kind) => {
            headers.push((FUNCTION_ERROR.to_owned(), kind.clone()));
            json!({ "errorMessage": text_of(&found.returns), "errorType": "Error" })
        }
    };
    answer(200, headers, returned.to_string().into_bytes())
}

fn text_of(value: &Value) -> String {
    let text = value.as_str().map(str::to_owned);
    text.unwrap_or_else(|| value.to_string())
}
