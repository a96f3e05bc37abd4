//! Amazon SQS: standard queues, with visibility, long polling and dead-letter queues.

mod digest;
mod messages;
mod queues;

use hallpass_aws_model::message;
use serde_json::{Value, json};

use super::ServiceDescriptor;
use crate::core::{
    call::{Output, input_text},
    context::{Context, HandlerResult},
    errors::{self, ApiError, ErrorForms},
    queues::{QueueKey, arn, key_of},
    service::{BucketSharing, CallRates, DenialText, PolicyFacts, SimService},
    windows::Window,
};

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        // standard queues take nearly any number of calls (AWS: "Amazon SQS message quotas")
        rates: CallRates::one(BucketSharing::AccountAndRegion, 3_000.0, 3_000.0),
        errors: ErrorForms {
            invalid: |_, violations| {
                let required = violations.iter().find(|one| one.path.is_empty());
                let text = message(violations);
                match required {
                    Some(_) => ApiError::new("MissingParameter", text),
                    None => ApiError::new("InvalidParameterValue", text),
                }
            },
            throttled: || ApiError::new("RequestThrottled", "Rate exceeded"),
            denied: |text| ApiError::denied("AccessDenied", text).status(403),
            ..errors::JSON
        },
        policies: Some(PolicyFacts {
            free: &[],
            other_actions: &[
                ("DeleteMessageBatch", "DeleteMessage"),
                ("ChangeMessageVisibilityBatch", "ChangeMessageVisibility"),
                ("SendMessageBatch", "SendMessage"),
            ],
            condition_keys: &[],
            resources: |state, _, _, input| {
                let named = input_text(input, "QueueUrl").and_then(|url| key_of("*", url));
                let known = named.as_ref().and_then(|(_, account, name)| {
                    let mut keys = state.queues.keys();
                    keys.find(|(_, of, it)| of == account && it == name)
                });
                known.or(named.as_ref()).map(arn).into_iter().collect()
            },
            denials: DenialText::SaysWhy,
        }),
        names_origin: true,
        ..SimService::named("Sqs", "sqs")
    },
    begin: |call| call.admit(),
    operations: &[queues::OPERATIONS, messages::OPERATIONS],
};

fn absent() -> ApiError {
    ApiError::new("QueueDoesNotExist", "The specified queue does not exist.")
}

fn named(context: &Context<'_>) -> Result<QueueKey, ApiError> {
    let key = key_of(&context.call.region, context.text("QueueUrl")).ok_or_else(absent)?;
    if key.1 != *context.caller.account {
        // queue policies for other accounts are not simulated
        let text = format!(
            "Access to the resource {} is denied.",
            context.text("QueueUrl")
        );
        return Err(ApiError::denied("AccessDenied", text).status(403));
    }
    if context.state.queues.contains_key(&key) {
        Ok(key)
    } else {
        Err(absent())
    }
}

fn address(context: &Context<'_>, (_, account, name): &QueueKey) -> String {
    format!("{}/{account}/{name}", context.call.origin)
}

fn number(
    input: &Value,
    name: &str,
    default: i64,
    (least, most): (i64, i64),
) -> Result<i64, ApiError> {
    let given = input.get(name).and_then(Value::as_i64).unwrap_or(default);
    if (least..=most).contains(&given) {
        return Ok(given);
    }
    let text = format!(
        "Value {given} for parameter {name} is invalid. Reason: Must be between {least} and {most}, if provided."
    );
    Err(ApiError::new("InvalidParameterValue", text))
}

#[expect(clippy::unnecessary_wraps, reason = "operations have one form")]
fn nothing(context: &mut Context<'_>) -> HandlerResult {
    context.write(Window::Immediate);
    Ok(Output::Nothing)
}

#[expect(clippy::unnecessary_wraps, reason = "operations have one form")]
fn members(value: Value) -> HandlerResult {
    Ok(Output::Members(value))
}

fn failed(id: &str, error: &ApiError) -> Value {
    json!({ "Id": id, "SenderFault": true, "Code": error.code, "Message": error.message })
}
