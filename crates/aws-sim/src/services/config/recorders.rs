//! The recorder of an account in a Region: one that records everything, or none.

use serde_json::{Value, json};

use super::{ApiError, Context, HandlerResult, items};
use crate::core::{
    call::{Output, seconds},
    state::SimState,
};

/// The name that the console gives.
const NAME: &str = "default";

/// Whether there is a recorder in the account and Region of the call. One that is asked for by another name is not
/// there.
fn is_there(context: &Context<'_>) -> Result<bool, ApiError> {
    let (account, region) = (&context.caller.account, &context.call.region);
    let here = items::recording(context.state, account, region)
        .status()
        .is_some();
    let names = context.call.input.get("ConfigurationRecorderNames");
    let mut names = names.and_then(Value::as_array).into_iter().flatten();
    match names.find(|name| !here || *name != NAME) {
        None => Ok(here),
        Some(name) => {
            let name = name.as_str().unwrap_or_default();
            let text =
                format!("Cannot find configuration recorder with the specified name '{name}'.");
            Err(ApiError::new("NoSuchConfigurationRecorderException", text))
        }
    }
}

fn arn(context: &Context<'_>) -> String {
    let (account, region) = (&context.caller.account, &context.call.region);
    format!("arn:aws:config:{region}:{account}:configuration-recorder/{NAME}")
}

/// `DescribeConfigurationRecorders`
pub(super) fn describe(context: &Context<'_>) -> HandlerResult {
    let account = &context.caller.account;
    let role = "aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig";
    let recorder = json!({
        "arn": arn(context), "name": NAME, "roleARN": format!("arn:aws:iam::{account}:role/{role}"),
        "recordingGroup": {
            "allSupported": true, "includeGlobalResourceTypes": false, "resourceTypes": [],
            "exclusionByResourceTypes": { "resourceTypes": [] },
            "recordingStrategy": { "useOnly": "ALL_SUPPORTED_RESOURCE_TYPES" },
        },
        "recordingMode": { "recordingFrequency": "CONTINUOUS", "recordingModeOverrides": [] },
        "recordingScope": "PAID",
    });
    let all: Vec<Value> = is_there(context)?.then_some(recorder).into_iter().collect();
    Ok(Output::Members(json!({ "ConfigurationRecorders": all })))
}

/// `DescribeConfigurationRecorderStatus`
pub(super) fn describe_status(context: &Context<'_>) -> HandlerResult {
    let state: &SimState = context.state;
    let since = seconds(state.joined(&context.caller.account));
    let status = json!({
        "arn": arn(context), "name": NAME, "recording": true, "lastStatus": "SUCCESS",
        "lastStartTime": since, "lastStatusChangeTime": since,
    });
    let all: Vec<Value> = is_there(context)?.then_some(status).into_iter().collect();
    Ok(Output::Members(
        json!({ "ConfigurationRecordersStatus": all }),
    ))
}
